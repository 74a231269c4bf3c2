import HostalModel

/// Makes the disk of a guest that runs as large as the job's plan says. Undo is `GrowVolume`'s: a disk never shrinks, and the database is told.
package struct GrowRunningDisk: Step {
    package static let name: StepName = "grow-running-disk"
    package static let title = "growing the disk; its file system follows at the next boot"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(job.volume)", "size": "\(job.plan.disk)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        let volume = try job.activeDisk().volume
        guard volume.size < job.plan.disk.bytes else { return .done(Nothing()) }
        // A guest that has powered itself off meanwhile grows as one that is off.
        if try await !host.hypervisor.growDisk(of: job.server.guest, server: job.server.id, to: job.plan.disk) {
            _ = try await host.pools.store(of: volume.pool).grow(volume, to: job.plan.disk)
        }
        try await host.capacity.recordGrowth(of: job.volume, to: job.plan.disk, for: job.server.id, lease: job.lease)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws { try await GrowVolume().undo(job, on: host) }
}
