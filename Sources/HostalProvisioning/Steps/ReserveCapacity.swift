package import HostalModel

/// Gives the server room for its plan on a host, and the job to that host.
package struct ReserveCapacity: Step {
    package static let name: StepName = "reserve-capacity"
    package static let title = "finding room"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["server": "\(job.server.id)", "plan": job.server.plan.name] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Placement> {
        let chosen = try await host.capacity.reserve(for: job.server.id, plan: job.server.plan, lease: job.lease)
        return .done(chosen, records: [.placed(chosen.host)])
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.capacity.release(for: job.server.id, lease: job.lease)
    }
}
