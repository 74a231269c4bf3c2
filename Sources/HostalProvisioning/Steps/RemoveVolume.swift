import HostalModel

/// What became of a deleted server's disks.
package struct DiskFate: Hashable, Sendable, Codable {
    /// Seconds until they are purged; nil when they are gone.
    package var keptFor: Double?

    package init(keptFor: Double?) { self.keptFor = keptFor }
}

/// Destroys every disk that the server ever had, or leaves them for a purge in `keepFor`. It cannot be undone, so it follows everything that
/// could still refuse. Disks that no guest has answered from are nobody's to miss: they go at once.
package struct RemoveVolume: Step {
    package static let name: StepName = "remove-volume"
    package static let title = "giving up the disk"

    let keepFor: Duration

    package init(keepFor: Duration = .zero) { self.keepFor = keepFor }

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "generations": "1 to \(job.lastGeneration)", "keep_for": "\(keepFor)"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<DiskFate> {
        if keepFor > .zero, job.active != nil { return .done(DiskFate(keptFor: keepFor / .seconds(1))) }
        try await host.removeDisks(of: job)
        return .done(DiskFate(keptFor: nil))
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}

extension Host {
    /// Every disk that the server ever had.
    func removeDisks(of job: Job) async throws {
        for pool in job.pools {
            let store = try await pools.store(of: pool)
            for generation in 1...max(1, job.lastGeneration) {
                try await store.remove(VolumeName(guest: job.server.guest, generation: generation))
            }
        }
    }
}
