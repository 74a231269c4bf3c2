package import HostalModel

/// Copies into the server's disk what it reads from its image. A guest that runs goes on. Undo ends the copying: the disk is whole at any
/// moment, and needs its image until this is done.
package struct FlattenDisk: Step {
    package static let name: StepName = "flatten-disk"
    package static let title = "making the disk independent of its image"

    let mebibytesPerSecond: Int

    package init(mebibytesPerSecond: Int) { self.mebibytesPerSecond = mebibytesPerSecond }

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(try job.activeDisk().volume.name)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Volume> {
        let volume = try job.activeDisk().volume
        let store = try await host.pools.store(of: volume.pool)
        try await host.hypervisor.endCopies(of: job.server.guest, server: job.server.id)
        if try await host.hypervisor.state(of: job.server.guest) == .active {
            switch try await store.flatteningInUse(of: volume) {
            case .pool: break
            case .hypervisor:
                // False when it goes off meanwhile.
                if try await host.hypervisor.flattenDisk(
                    of: job.server.guest, server: job.server.id, mebibytesPerSecond: mebibytesPerSecond, report: job.report)
                {
                    var flat = volume
                    flat.backing = nil
                    return .done(flat)
                }
            case .no:
                throw Failure(
                    .permanent, .serviceError,
                    "cannot make the disk independent of its image while the server runs: order it while the server is off")
            }
        }
        return .done(try await store.flatten(volume, report: job.report))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.hypervisor.endCopies(of: job.server.guest, server: job.server.id)
    }
}
