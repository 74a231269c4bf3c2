import HostalModel

/// Copies the server's disk, as it is at one moment, to where it becomes an image. A guest that runs goes on.
package struct CopyDisk: Step {
    package static let name: StepName = "copy-disk"
    package static let title = "copying the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["volume": "\(try job.activeDisk().volume.name)", "image": "\(try job.imageToMake())", "snapshot": "\(snapshot(job))"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<CopiedDisk> {
        let volume = try job.activeDisk().volume
        let store = try await host.pools.store(of: volume.pool)
        try await stopEarlier(job, host, store)
        let path = try await host.madeImages.place(of: try job.imageToMake())
        guard try await host.hypervisor.state(of: job.server.guest) == .active else {
            try await store.export(volume, snapshot: nil, to: path, report: job.report)
            return .done(CopiedDisk(wasQuiet: true))
        }
        guard store.takesSnapshots else {
            return .done(CopiedDisk(wasQuiet: try await copyBesideGuest(to: path, job, host)))
        }
        let wasQuiet = try await host.whileFrozen(job) { try await store.snapshot(volume, as: snapshot(job)) }
        try await store.export(volume, snapshot: snapshot(job), to: path, report: job.report)
        try await store.remove(snapshot(job), of: volume)
        return .done(CopiedDisk(wasQuiet: wasQuiet))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await stopEarlier(job, host, try await host.pools.store(of: try job.activeDisk().volume.pool))
        try await host.madeImages.remove(try job.imageToMake())
    }

    /// A worker that died has left the guest frozen, libvirt copying, or the moment that it wanted, which is none that this one has seen to.
    private func stopEarlier(_ job: Job, _ host: Host, _ store: any VolumeStore) async throws {
        try await host.hypervisor.thaw(job.server.guest, server: job.server.id)
        try await host.hypervisor.endCopies(of: job.server.guest, server: job.server.id)
        if store.takesSnapshots { try await store.remove(snapshot(job), of: job.activeDisk().volume) }
    }

    /// The storage keeps no moment of a disk that is written to: QEMU does.
    private func copyBesideGuest(to path: String, _ job: Job, _ host: Host) async throws -> Bool {
        let (guest, server) = (job.server.guest, job.server.id)
        let wasQuiet = try await host.hypervisor.freeze(guest, server: server)
        let isWhole: Bool
        do {
            isWhole = try await host.hypervisor.copyDisk(
                of: guest, server: server, to: path,
                whenBegun: { try? await host.hypervisor.thaw(guest, server: server) }, report: job.report)
        } catch {
            try? await host.hypervisor.thaw(guest, server: server)
            throw error
        }
        guard isWhole else {
            throw Failure(.temporary, .guestDidNotAnswer, "cannot copy the disk: the guest went off meanwhile")
        }
        return wasQuiet
    }

    private func snapshot(_ job: Job) -> SnapshotName { SnapshotName(order: job.order) }
}

/// How well a copy of a disk stands.
package struct CopiedDisk: Hashable, Sendable, Codable {
    /// The guest was off, or held its writes back while the moment was taken; otherwise its system finds a disk as after a power cut.
    package var wasQuiet: Bool

    package init(wasQuiet: Bool) { self.wasQuiet = wasQuiet }
}

extension Job {
    /// Throws `needsOperator` for an order that makes none.
    func imageToMake() throws -> ImageID {
        guard let imageMade else {
            throw Failure(.needsOperator, .serviceError, "cannot go on: internal error", detail: "order \(order) makes no image")
        }
        return imageMade
    }
}

extension Host {
    /// True when the guest held its writes back meanwhile. It never waits longer than `action` takes.
    func whileFrozen(_ job: Job, _ action: () async throws -> Void) async throws -> Bool {
        let isFrozen = try await hypervisor.freeze(job.server.guest, server: job.server.id)
        do { try await action() } catch {
            try? await hypervisor.thaw(job.server.guest, server: job.server.id)
            throw error
        }
        try await hypervisor.thaw(job.server.guest, server: job.server.id)
        return isFrozen
    }
}
