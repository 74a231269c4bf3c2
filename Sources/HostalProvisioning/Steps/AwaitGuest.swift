package import HostalModel

/// The pivot of a create: the guest has reported over its own channel, so the server runs and may be billed.
///
/// A report with errors counts: the guest answers, and the errors are its owner's to see. A guest that is found off is started again:
/// it may have powered itself off, or its host may have rebooted.
package struct AwaitGuest: Step {
    package static let name: StepName = "await-guest"
    package static let title = "waiting for the guest"
    package static let lateCode = Failure.Code.guestDidNotAnswer
    static let pause = Duration.seconds(1)

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<GuestReport> {
        if let report = try await host.hypervisor.report(of: job.server.guest, instanceID: job.instanceID) {
            return .done(report, records: [.running(report, try job.bootDisk())])
        }
        if try await host.hypervisor.state(of: job.server.guest) == .off {
            try await host.start(job, from: try job.bootDisk())
        }
        return .waiting(for: "the guest's first report", checkAgainIn: Self.pause)
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
