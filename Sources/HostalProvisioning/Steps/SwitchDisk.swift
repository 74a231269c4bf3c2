import HostalModel

/// Defines the guest with the job's disk and its seed in the place of the active ones. Undo puts the active ones back.
package struct SwitchDisk: Step {
    package static let name: StepName = "switch-disk"
    package static let title = "switching the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        [
            "uuid": "\(job.server.guest)", "volume": "\(job.volume)",
            "instead_of": job.active.map { "\($0.volume.name)" } ?? "none",
        ]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.define(job, plan: job.server.plan, disk: try job.bootDisk())
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.define(job, plan: job.server.plan, disk: try job.activeDisk())
    }
}

extension Host {
    /// Defines a guest that has its addresses already; it takes effect when the guest is next started.
    func define(_ job: Job, plan: Plan, disk: ServerDisk) async throws {
        guard let network = try await addresses.held(by: job.server.id) else {
            throw Failure(
                .needsOperator, .serviceError, "cannot define the guest: internal error",
                detail: "server \(job.server.id) has no addresses")
        }
        try await hypervisor.define(
            GuestDefinition(
                names: GuestNamesRecord(job.names), vcpus: plan.vcpus, memory: plan.memory, root: disk.volume,
                seedPath: disk.seedPath, mac: job.server.mac, bridge: network.bridge, tap: job.names.tap, order: job.order,
                epoch: job.lease.epoch),
            secret: try await pools.store(of: disk.volume.pool).secret(of: job.server.guest))
    }
}

extension Job {
    /// Where new disks of the server go. Throws `needsOperator` for a server that has no place.
    func placedPool() throws -> PoolName { try pool ?? output(of: ReserveCapacity.self).pool }

    /// Every pool that may hold a disk of the server.
    var pools: Set<PoolName> { Set([pool, active?.volume.pool, disk?.volume.pool].compactMap { $0 }) }

    /// The disk that the job boots: the one of its generation if it is there already, else the one that it has just made.
    func bootDisk() throws -> ServerDisk {
        if let disk { return disk }
        return ServerDisk(
            volume: try output(of: CloneVolume.self), seedPath: try output(of: WriteSeed.self).path, instanceID: instanceID)
    }

    /// Throws `needsOperator` for a server that no guest has answered for.
    func activeDisk() throws -> ServerDisk {
        guard let active else {
            throw Failure(
                .needsOperator, .serviceError, "cannot go on: internal error", detail: "server \(server.id) has no active disk")
        }
        return active
    }
}
