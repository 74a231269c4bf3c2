import HostalModel

/// The pivot of a resize: the guest has answered with its new size. One that was off stays off, and is believed.
package struct AwaitResize: Step {
    package static let name: StepName = "await-resized-guest"
    package static let title = "waiting for the guest"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID, "plan": job.plan.name] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard try job.output(of: LookAtGuest.self).power == .on else { return .done(Nothing(), records: [.resized(nil)]) }
        guard let report = try await host.newBoot(of: job) else { return .waitingForReport }
        return .done(Nothing(), records: [.resized(report)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
