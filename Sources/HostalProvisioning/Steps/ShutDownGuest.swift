import HostalModel

/// Has the guest shut down, and cuts its power when it has not within `patience`. Undo gives a guest that ran its power back.
package struct ShutDownGuest: Step {
    package static let name: StepName = "shut-down-guest"
    package static let title = "shutting the guest down"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    let patience: Duration

    package init(patience: Duration) { self.patience = patience }

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.isShutDown(job, since: job.age(of: Self.self), patience: patience)
            ? .done(Nothing()) : .waitingForShutdown(patience: patience)
    }

    package func undo(_ job: Job, on host: Host) async throws {
        guard try job.output(of: LookAtGuest.self).power == .on else { return }
        try await host.start(job, from: job.active)
    }
}

extension Host {
    /// Whether the guest is off. One that is not is asked to shut down, and after `patience` its power is cut.
    func isShutDown(_ job: Job, since age: Duration, patience: Duration) async throws -> Bool {
        guard try await hypervisor.state(of: job.server.guest) == .active else { return true }
        guard age < patience else {
            try await hypervisor.stop(job.server.guest, server: job.server.id)
            return true
        }
        // Again at each look: a guest that is just booting misses what comes before its system listens.
        try await hypervisor.shutDown(job.server.guest, server: job.server.id)
        return false
    }
}

extension StepProgress {
    static func waitingForShutdown(patience: Duration) -> StepProgress {
        .waiting(for: "the guest to shut down", checkAgainIn: min(patience, .seconds(1)))
    }
}
