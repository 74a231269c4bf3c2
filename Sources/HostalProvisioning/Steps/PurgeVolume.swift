import HostalModel

/// Destroys a kept disk and its seed, or whatever is left of a server that was deleted. It cannot be undone; the disk that the server runs from
/// is refused.
package struct PurgeVolume: Step {
    package static let name: StepName = "purge-volume"
    package static let title = "removing the earlier disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(job.volume)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        if job.isDeleted {
            try await host.removeDisks(of: job)
            return .done(Nothing(), records: [.purged])
        }
        guard let active = job.active, active.generation != job.generation else {
            throw Failure(
                .needsOperator, .serviceError, "cannot remove the earlier disk: internal error",
                detail: "\(job.volume) is what the server runs from")
        }
        if let pool = job.disk?.volume.pool ?? job.pool { try await host.pools.store(of: pool).remove(job.volume) }
        try await host.seeds.remove(for: job.volume)
        return .done(Nothing(), records: [.purged])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
