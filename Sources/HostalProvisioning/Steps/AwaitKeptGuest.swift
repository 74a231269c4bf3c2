package import HostalModel

/// The pivot of an undone reinstall: a guest has answered from the kept disk.
package struct AwaitKeptGuest: Step {
    package static let name: StepName = "await-kept-guest"
    package static let title = "waiting for the earlier system"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<GuestReport> {
        guard let report = try await host.newBoot(of: job) else { return .waitingForReport }
        return .done(report, records: [.broughtBack(report)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
