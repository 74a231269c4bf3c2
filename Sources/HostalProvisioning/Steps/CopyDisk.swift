import HostalModel

/// Copies the server's disk, as it is at one moment, to where it becomes an image. A guest that runs goes on.
package struct CopyDisk: Step {
    package static let name: StepName = "copy-disk"
    package static let title = "copying the disk"

    /// How long an agent is asked to thaw that answers nothing, when the copy is given up.
    private static let undoPatience = Duration.seconds(120)

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["volume": "\(try job.activeDisk().volume.name)", "image": "\(try job.imageToMake())", "snapshot": "\(snapshot(job))"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<CopiedDisk> {
        let volume = try job.activeDisk().volume
        let store = try await host.pools.store(of: volume.pool)
        let answers = try await stopEarlier(job, host, store)
        let path = try await host.madeImages.place(of: try job.imageToMake())
        guard try await host.hypervisor.state(of: job.server.guest) == .active else {
            try await store.export(volume, snapshot: nil, to: path, report: job.report)
            return .done(CopiedDisk(wasQuiet: true, mayBeFrozen: false))
        }
        let guest = FrozenGuest(job, host.hypervisor, answers: answers)
        do {
            let wasQuiet = try await guest.freeze()
            if store.takesSnapshots {
                try await store.snapshot(volume, as: snapshot(job))
                await guest.release()
                try await store.export(volume, snapshot: snapshot(job), to: path, report: job.report)
                try await store.remove(snapshot(job), of: volume)
            } else {
                try await copy(beside: guest, to: path, job, host)
            }
            return .done(CopiedDisk(wasQuiet: wasQuiet, mayBeFrozen: await !guest.end()))
        } catch {
            _ = await guest.end()
            throw error
        }
    }

    package func undo(_ job: Job, on host: Host) async throws {
        let answers = try await stopEarlier(job, host, try await host.pools.store(of: try job.activeDisk().volume.pool))
        try await host.madeImages.remove(try job.imageToMake())
        // Whether it was frozen is not known any more.
        guard answers || job.age(of: Self.self) >= Self.undoPatience else {
            throw Failure(.temporary, .guestDidNotAnswer, "cannot let the server write again: its guest's agent does not answer")
        }
    }

    /// A worker that died has left the guest frozen, libvirt copying, or the moment that it wanted, which is none that this one has seen to.
    /// False when the guest's agent is silent, so that it may be frozen still.
    private func stopEarlier(_ job: Job, _ host: Host, _ store: any VolumeStore) async throws -> Bool {
        let answers = try await host.hypervisor.thaw(job.server.guest, server: job.server.id)
        try await host.hypervisor.endCopies(of: job.server.guest, server: job.server.id)
        if store.takesSnapshots { try await store.remove(snapshot(job), of: job.activeDisk().volume) }
        return answers
    }

    /// The storage keeps no moment of a disk that is written to: QEMU does.
    private func copy(beside guest: FrozenGuest, to path: String, _ job: Job, _ host: Host) async throws {
        let isWhole = try await host.hypervisor.copyDisk(
            of: job.server.guest, server: job.server.id, to: path, whenBegun: { await guest.release() }, report: job.report)
        guard isWhole else {
            throw Failure(.temporary, .guestDidNotAnswer, "cannot copy the disk: the guest went off meanwhile")
        }
    }

    private func snapshot(_ job: Job) -> SnapshotName { SnapshotName(order: job.order) }
}

/// How well a copy of a disk stands.
package struct CopiedDisk: Hashable, Sendable, Codable {
    /// The guest was off, or held its writes back while the moment was taken; otherwise its system finds a disk as after a power cut.
    package var wasQuiet: Bool
    /// Its agent was to freeze it, and has not answered since that it thawed.
    package var mayBeFrozen: Bool

    package init(wasQuiet: Bool, mayBeFrozen: Bool) {
        self.wasQuiet = wasQuiet
        self.mayBeFrozen = mayBeFrozen
    }
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
