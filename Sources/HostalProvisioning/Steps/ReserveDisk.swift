import HostalModel

/// Gives the server room for one more disk on its host: the old one is kept beside the new.
package struct ReserveDisk: Step {
    package static let name: StepName = "reserve-disk"
    package static let title = "finding room"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["server": "\(job.server.id)", "role": "\(role(job))"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.capacity.reserve(
            Room(disk: job.server.plan.disk), as: role(job), for: job.server.id, on: host.id, lease: job.lease)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.capacity.release(role(job), of: job.server.id, lease: job.lease)
    }

    private func role(_ job: Job) -> RoomRole { .disk(generation: job.generation) }
}
