import HostalModel

/// Destroys every disk that the server ever had. It cannot be undone, so it follows everything that could still refuse.
package struct RemoveVolume: Step {
    package static let name: StepName = "remove-volume"
    package static let title = "removing the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "generations": "1 to \(job.lastGeneration)"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        for pool in job.pools {
            let store = try await host.pools.store(of: pool)
            for generation in 1...max(1, job.lastGeneration) {
                try await store.remove(VolumeName(guest: job.server.guest, generation: generation))
            }
        }
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
