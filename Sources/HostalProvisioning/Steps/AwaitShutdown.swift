import HostalModel

/// The pivot of a shutdown: the guest has powered itself off. Where the order says so, its power is cut after a time; else it fails when
/// `deadline` has passed, and the guest goes on running.
package struct AwaitShutdown: Step {
    package static let name: StepName = "await-shutdown"
    package static let title = "waiting for the guest to shut down"
    package static let lateCode = Failure.Code.guestDidNotAnswer
    static let longestPause = Duration.seconds(1)

    let deadline: Duration

    package init(deadline: Duration) { self.deadline = deadline }

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard try await host.hypervisor.state(of: job.server.guest) == .active else {
            return .done(Nothing(), records: [.power(.off)])
        }
        let age = job.age(of: Self.self)
        if let limit = job.options.forceAfter {
            guard age < limit else {
                try await host.hypervisor.stop(job.server.guest, server: job.server.id)
                return .done(Nothing(), records: [.power(.off)])
            }
        } else if age >= deadline {
            throw Failure(
                .permanent, .guestDidNotAnswer,
                "cannot shut down the server: its system did not react to the power button within \(deadline.components.seconds) s; power it off, or give \"force_after_seconds\""
            )
        }
        try await host.hypervisor.shutDown(job.server.guest, server: job.server.id)
        return .waiting(for: "the guest to shut down", checkAgainIn: min(deadline, Self.longestPause))
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
