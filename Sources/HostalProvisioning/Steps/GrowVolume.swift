import HostalModel

/// Makes the disk as large as the job's plan says. A disk never shrinks: undo only sees to it that the database knows what is true.
package struct GrowVolume: Step {
    package static let name: StepName = "grow-volume"
    package static let title = "growing the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(job.volume)", "size": "\(job.plan.disk)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        let volume = try job.bootDisk().volume
        if volume.size < job.plan.disk.bytes {
            _ = try await host.pools.store(of: volume.pool).grow(volume, to: job.plan.disk)
            try await record(job.plan.disk, job, host)
        }
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        let volume = try job.bootDisk().volume
        let size = try await host.pools.store(of: volume.pool).size(of: volume)
        try await record(Gibibytes(Int(size >> 30)), job, host)
    }

    private func record(_ size: Gibibytes, _ job: Job, _ host: Host) async throws {
        try await host.capacity.recordGrowth(of: job.volume, to: size, for: job.server.id, lease: job.lease)
    }
}
