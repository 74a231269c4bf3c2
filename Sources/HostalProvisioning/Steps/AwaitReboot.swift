package import HostalModel

/// The pivot of a reboot: the guest has reported a boot that is not the one known before.
package struct AwaitReboot: Step {
    package static let name: StepName = "await-reboot"
    package static let title = "waiting for the guest"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<GuestReport> {
        guard let report = try await host.newBoot(of: job) else { return .waitingForReport }
        return .done(report, records: [.rebooted(report)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}

extension Host {
    /// The report of a boot after the one that `LookAtGuest` found. Nil while there is none; a guest that is found off is started again: it
    /// may have powered itself off, or its host may have rebooted.
    func newBoot(of job: Job) async throws -> GuestReport? {
        let known = try job.output(of: LookAtGuest.self).bootID
        if let report = try await hypervisor.report(of: job.server.guest, instanceID: job.instanceID, besides: known) {
            return report
        }
        if try await hypervisor.state(of: job.server.guest) == .off {
            try await start(job, from: try? job.bootDisk())
        }
        return nil
    }
}

extension StepProgress {
    static var waitingForReport: StepProgress {
        .waiting(for: "the guest's report of its boot", checkAgainIn: AwaitGuest.pause)
    }
}
