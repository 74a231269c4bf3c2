import HostalModel

/// Has the guest shut down, and cuts its power when it has not within `patience`. Undo gives a guest that ran its power back.
package struct ShutDownGuest: Step {
    package static let name: StepName = "shut-down-guest"
    package static let title = "shutting the guest down"
    static let longestPause = Duration.seconds(1)

    let patience: Duration

    package init(patience: Duration) { self.patience = patience }

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard try await host.hypervisor.state(of: job.server.guest) == .active else { return .done(Nothing()) }
        guard job.age(of: Self.self) < patience else {
            try await host.hypervisor.stop(job.server.guest, server: job.server.id)
            return .done(Nothing())
        }
        // Again at each look: a guest that is just booting misses what comes before its system listens.
        try await host.hypervisor.shutDown(job.server.guest, server: job.server.id)
        return .waiting(for: "the guest to shut down", checkAgainIn: min(patience, Self.longestPause))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        guard try job.output(of: LookAtGuest.self).power == .on else { return }
        try await host.hypervisor.start(job.server.guest, server: job.server.id)
    }
}
