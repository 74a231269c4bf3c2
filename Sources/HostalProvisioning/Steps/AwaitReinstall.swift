package import HostalModel

/// The pivot of a reinstall: a guest has answered from the new disk. Until then the old one is only put aside.
package struct AwaitReinstall: Step {
    package static let name: StepName = "await-new-guest"
    package static let title = "waiting for the new system"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<GuestReport> {
        guard let report = try await host.newBoot(of: job) else { return .waitingForReport }
        return .done(report, records: [.reinstalled(report, try job.bootDisk())])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
