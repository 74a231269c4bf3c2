import FoundationEssentials
import Glibc
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as qcow2 files on an export that nothing mounts: QEMU speaks NFS itself, and so do we.
///
/// NFS version 3 has no locks here: two hosts that open one disk both write to it. The lease and the fence of a server's job are what keeps
/// a disk with one host; `locks` keeps the jobs of this host apart. Overlays have their image on the export too, one copy for all hosts.
package actor NFSVolumes: VolumeStore {
    let name: PoolName
    let export: NFSExport
    let images: Directory
    let locks: Directory
    let headroom: Int64
    private let flattensInUse: Bool
    let qemuImg: QemuImg
    let slots: CopySlots
    private let executor = ThreadExecutor(name: "nfs volumes")
    /// Images go to the export on a thread of their own: a disk is removed meanwhile.
    let copies = BlockingLane(name: "nfs images")

    /// What an empty overlay takes at most: its header and first tables.
    private static let overlaySize: Int64 = 4 << 20

    /// `flattensInUse`: for disks that are to be flattened while guests run. `images` holds the host's images. `locks` is a directory that all workers of this host share, and no other host. `headroom`, in bytes,
    /// is what clones leave free on the export.
    package init(
        name: PoolName, export: NFSExport, images: Directory, locks: Directory, flattensInUse: Bool = false,
        headroom: Int64 = LocalVolumes.defaultHeadroom,
        sandbox: ToolSandbox = .required
    ) {
        qemuImg = QemuImg(sandbox: sandbox)
        self.name = name
        self.export = export
        slots = CopySlots(directory: images)
        self.images = images
        self.locks = locks
        self.headroom = headroom
        self.flattensInUse = flattensInUse
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package func clone(
        _ image: StoredImage, to name: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        do {
            try image.check(in: images, fitsIn: size)
            let lock = try lock("\(name)")
            let base = try await bring(image, report)
            let volume = Volume(
                name: name, pool: self.name, source: export.source(of: file(name)), format: .qcow2, size: size.bytes,
                backing: VolumeBacking(source: export.source(of: base), format: image.format))
            let isThere = try reach { pool in
                try removePartials(of: name, pool)
                return try pool.size(of: file(name)) != nil
            }
            if !isThere { try await make(volume) }
            try checkHeader(of: volume)
            lock.release()
            return volume
        } catch {
            throw failure(error, cannot: "clone the image to a disk")
        }
    }

    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        do {
            let lock = try lock("\(volume.name)")
            var grown = volume
            grown.size = size.bytes
            let present = try header(of: volume).size
            guard present <= size.bytes, volume.size <= size.bytes else {
                throw Failure(
                    .permanent, .invalidInput,
                    "cannot make the disk \(size) long: it has \(max(present, volume.size).inBinaryUnits), and a disk can only grow"
                )
            }
            if present < size.bytes {
                guard present == volume.size else {
                    throw mistaken(volume, "found \(present) bytes; \(volume.size) bytes are recorded")
                }
                try await qemuImg.grow(url: try url(export.source(of: file(volume.name))), to: size.bytes)
                try reach { try $0.sync(file(volume.name)) }
            }
            lock.release()
            return grown
        } catch {
            throw failure(error, cannot: "grow the disk")
        }
    }

    package func size(of volume: Volume) async throws -> Int64 {
        do { return try header(of: volume).size } catch { throw failure(error, cannot: "look at the disk") }
    }

    /// Throws `needsOperator` where QEMU would not find the image below the disk.
    package func publish(_ volume: Volume) async throws {
        do { _ = try header(of: volume) } catch { throw failure(error, cannot: "reach the disk") }
    }

    package func remove(_ name: VolumeName) async throws {
        do {
            let lock = try lock("\(name)")
            try reach { pool in
                try removePartials(of: name, pool)
                try pool.remove(file(name))
            }
            lock.release()
        } catch {
            throw failure(error, cannot: "remove the disk")
        }
    }

    package func remains(of guest: GuestID) async throws -> [String] {
        do {
            return try reach { pool in
                try pool.names(in: "").filter { $0.hasPrefix("\(guest)-") }.sorted().map { "\(export.description)/\($0)" }
            }
        } catch {
            throw failure(error, cannot: "look for the server's disks")
        }
    }

    package func space() async throws -> PoolSpace {
        do {
            let space = try reach { try $0.space() }
            return PoolSpace(total: space.total, available: space.available)
        } catch {
            throw failure(error, cannot: "look at the disk pool")
        }
    }

    func file(_ name: VolumeName) -> String { "\(name).qcow2" }

    private func url(_ source: VolumeSource) throws -> String {
        guard let url = NFSExport.url(of: source) else {
            throw Failure(
                .needsOperator, .serviceError, "cannot use the disk: it is not one of this pool",
                detail: "\(source) is no NFS file")
        }
        return url
    }

    func lock(_ name: String) throws -> FileLock {
        guard let lock = try FileLock.take(locks.path(of: "\(name).lock")) else {
            throw Failure(.temporary, .serviceError, "cannot change the disk: another job is working on it")
        }
        return lock
    }

    /// Runs `body` with the export at hand, once it has proved to be this pool.
    func reach<Value>(_ body: (NFSSession) throws -> Value) throws -> Value {
        let pool = try NFSSession(export)
        try NFSMark.verify(name, on: pool)
        return try body(pool)
    }

    /// A clone of another host's that is under way has lost its lease: it will find its file gone.
    private func removePartials(of name: VolumeName, _ pool: NFSSession) throws {
        for partial in try pool.names(in: "") where partial.hasPrefix("\(name).part-") { try pool.remove(partial) }
    }

    /// The image's name on the export, where it is whole.
    private func bring(_ image: StoredImage, _ report: @escaping CopyReport) async throws -> String {
        let place = NFSImages(pool: name, export: export, headroom: headroom)
        if try reach({ try place.isThere(image, $0) }) { return place.file(image) }
        guard let lock = try FileLock.take(locks.path(of: "\(image.digest.hex).lock")) else {
            throw Failure(
                .temporary, .serviceError, "cannot clone the image to a disk: another job is copying the image to the disk pool")
        }
        try await copies.perform { try place.bring(image, report) }
        lock.release()
        return place.file(image)
    }

    private func make(_ volume: Volume) async throws {
        let available = try reach { try $0.space().available }
        guard available >= Self.overlaySize + headroom else {
            throw Failure.full(
                cannot: "clone the image to a disk", available: available, needed: Self.overlaySize, headroom: headroom)
        }
        guard let backing = volume.backing else { preconditionFailure("a clone has its image below it") }
        let partial = "\(volume.name).part-\(UUID().uuidString.lowercased())"
        do {
            try await qemuImg.createOverlay(
                atURL: url(export.source(of: partial)), size: volume.size, backing: url(backing.source), format: backing.format,
                flattensInUse: flattensInUse)
            try reach { pool in
                try pool.sync(partial)
                // Never over one that is there: it may be in use.
                try pool.link(partial, as: file(volume.name))
                try pool.remove(partial)
            }
        } catch {
            // The next clone of this volume does it where the server does not answer now.
            try? reach { try $0.remove(partial) }
            throw error
        }
    }
}

extension NFSVolumes: MarkedPool {
    package func mark() async throws {
        do { try NFSMark.write(name, on: NFSSession(export)) } catch { throw failure(error, cannot: "set up the disk pool") }
    }
}

extension NFSVolumes {
    private func checkHeader(of volume: Volume) throws {
        let header = try header(of: volume, mayBeFlat: false)
        guard header.size == volume.size else {
            throw mistaken(volume, "found \(header.size) bytes; expected \(volume.size) bytes")
        }
    }

    /// Throws `needsOperator` for what is not the volume, and where the image below it is gone. Nothing is changed.
    func header(of volume: Volume, mayBeFlat: Bool = true) throws -> DiskHeader {
        let below = try volume.backing.map { try url($0.source) }
        let path = file(volume.name)
        return try reach { pool in
            guard let head = try pool.read(path, limit: ImageSample.headLimit) else {
                throw Failure(
                    .temporary, .serviceError, "cannot use the disk: it is not there",
                    detail: "\(export.description)/\(path) is absent")
            }
            let header: DiskHeader
            do {
                header = try DiskHeader(of: volume, head: head, length: Int64(head.count), below: below, mayBeFlat: mayBeFlat)
            } catch let refusal as ImageRefusal { throw mistaken(volume, refusal.reason) }
            if case .nfs(_, let image, _, _)? = header.backing?.source, image.hasPrefix("\(export.path)/"),
                try pool.size(of: String(image.dropFirst(export.path.count + 1))) == nil
            {
                throw Failure.withoutImage(image, where: "on \(export.server)")
            }
            return header
        }
    }

    private func mistaken(_ volume: Volume, _ problem: String) -> Failure {
        Failure(
            .needsOperator, .serviceError, "cannot use the disk that is already there: it is not the one that was ordered",
            detail: "\(export.description)/\(file(volume.name)): \(problem)")
    }

    func failure(_ error: any Error, cannot action: String) -> Failure {
        Failure(nfs: error, cannot: action, pool: name, export)
    }
}
