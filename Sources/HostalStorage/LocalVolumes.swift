import FoundationEssentials
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as qcow2 files in one directory: on a local file system, or on one that the system mounted.
///
/// File calls run on a thread of its own, so that a storage server that hangs holds up no other work. Files are mode 0600 and owned by
/// root; libvirt hands them to QEMU while a guest runs. Needs root. What exists is judged by its own header, read by us: nothing is probed.
package actor LocalVolumes: VolumeStore {
    package enum Cloning: String, Sendable, Codable {
        /// Shares the image's blocks: made in milliseconds, and needs the image for as long as it lives.
        case overlay
        /// Stands on its own, and takes as long as reading the whole image.
        case fullCopy = "full_copy"
    }

    private let name: PoolName
    private let pool: PoolDirectory
    private let images: Directory
    private let cloning: Cloning
    private let headroom: Int64
    private let qemuImg: QemuImg
    private let slots: CopySlots
    private let executor = ThreadExecutor(name: "volumes")

    /// What an empty overlay takes at most: its header and first tables.
    private static let overlaySize: Int64 = 4 << 20
    package static let defaultHeadroom: Int64 = 1 << 30
    /// How long a full copy waits for others to end, until it counts as failed and is tried later.
    private static let patience = Duration.seconds(600)

    /// `images` is the one directory that backing files may lie in. `headroom`, in bytes, is what clones leave free on the pool for guests
    /// that already have their disks.
    package init(
        name: PoolName, pool: PoolDirectory, images: Directory, cloning: Cloning = .overlay,
        headroom: Int64 = LocalVolumes.defaultHeadroom, sandbox: ToolSandbox = .required
    ) {
        self.name = name
        self.pool = pool
        self.images = images
        self.cloning = cloning
        self.headroom = headroom
        qemuImg = QemuImg(sandbox: sandbox)
        slots = CopySlots(directory: images)
    }

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    package func clone(
        _ image: StoredImage, to name: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        do {
            try pool.verify()
            try image.check(in: images, fitsIn: size)
            let lock = try lock(name)
            let volume = Volume(
                name: name, pool: self.name, source: .file(path: pool.directory.path(of: file(name))), format: .qcow2,
                size: size.bytes,
                backing: cloning == .overlay ? VolumeBacking(source: .file(path: image.path), format: image.format) : nil)
            try removePartials(of: name)
            if try pool.directory.size(of: file(name)) != nil {
                try checkHeader(of: volume)
            } else {
                try await make(volume, from: image, report)
            }
            lock.release()
            return volume
        } catch {
            throw Failure(storage: error, cannot: "clone the image to a disk")
        }
    }

    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        do {
            try pool.verify()
            let lock = try lock(volume.name)
            var grown = volume
            grown.size = size.bytes
            let present = try header(of: volume).virtualSize
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
                try await qemuImg.grow(path(of: volume), to: size.bytes, backing: volume.backing?.source.file)
                try OpenFile(path(of: volume), .update).sync()
            }
            lock.release()
            return grown
        } catch {
            throw Failure(storage: error, cannot: "grow the disk")
        }
    }

    package func size(of volume: Volume) async throws -> Int64 {
        do {
            try pool.verify()
            return try header(of: volume).virtualSize
        } catch {
            throw Failure(storage: error, cannot: "look at the disk")
        }
    }

    package func remove(_ name: VolumeName) async throws {
        do {
            try pool.verify()
            let lock = try lock(name)
            try removePartials(of: name)
            try pool.directory.remove(file(name))
            try pool.directory.sync()
            lock.release()
        } catch {
            throw Failure(storage: error, cannot: "remove the disk")
        }
    }

    package func remains(of guest: GuestID) async throws -> [String] {
        do {
            try pool.verify()
            return try pool.directory.names().filter { $0.hasPrefix("\(guest)-") }.sorted().map(pool.directory.path(of:))
        } catch {
            throw Failure(storage: error, cannot: "look for the server's disks")
        }
    }

    package func space() async throws -> PoolSpace {
        do {
            try pool.verify()
            return PoolSpace(total: try pool.directory.totalBytes(), available: try pool.directory.availableBytes())
        } catch {
            throw Failure(storage: error, cannot: "look at the disk pool")
        }
    }

    private func file(_ name: VolumeName) -> String { "\(name).qcow2" }
    private func path(of volume: Volume) -> String { pool.directory.path(of: file(volume.name)) }

    private func lock(_ name: VolumeName) throws -> FileLock {
        guard let lock = try FileLock.take(pool.directory.path(of: "\(name).lock")) else {
            throw Failure(.temporary, .serviceError, "cannot change the disk: another job is working on it")
        }
        return lock
    }

    /// Under the lock no clone of this volume lives, so that every partial file of it is a dead one's.
    private func removePartials(of name: VolumeName) throws {
        for partial in try pool.directory.names() where partial.hasPrefix("\(name).part-") { try pool.directory.remove(partial) }
    }

    private func make(_ volume: Volume, from image: StoredImage, _ report: @escaping CopyReport) async throws {
        let needed =
            cloning == .overlay
            ? Self.overlaySize : try await qemuImg.sizeOfCopy(of: .file(image.path, ImportFormat(image.format)))
        let available = try pool.directory.availableBytes()
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "clone the image to a disk", available: available, needed: needed, headroom: headroom)
        }
        // Unique: the tool of a worker that was killed may live on, and then writes into a file that has no name any more.
        let partial = "\(volume.name).part-\(UUID().uuidString.lowercased())"
        let path = pool.directory.path(of: partial)
        do {
            switch cloning {
            case .overlay:
                try await qemuImg.createOverlay(at: path, size: volume.size, backing: image.path, format: image.format)
            case .fullCopy:
                try await copy(image, to: path, size: volume.size, report)
            }
            let written = try OpenFile(path, .update)
            try written.setMode(0o600)
            try written.sync()
            try pool.directory.rename(partial, to: file(volume.name))
            try pool.directory.sync()
        } catch {
            try pool.directory.remove(partial)
            throw error
        }
    }
}

extension LocalVolumes {
    /// Two copies at once on a host; images lie on the host itself, so that its directory is where to count them.
    private func copy(_ image: StoredImage, to path: String, size: Int64, _ report: @escaping CopyReport) async throws {
        guard let slot = try await slots.take(within: Self.patience) else {
            throw Failure(.temporary, .serviceError, "cannot clone the image to a disk: the host is busy with other copies")
        }
        try await qemuImg.convert(.file(image.path, ImportFormat(image.format)), to: path, size: image.virtualSize) {
            report($0.words(for: QemuImg.copyOfDisk))
        }
        try await qemuImg.grow(path, to: size)
        slot.release()
    }

    private func checkHeader(of volume: Volume) throws {
        let size = try header(of: volume).virtualSize
        guard size == volume.size else { throw mistaken(volume, "found \(size) bytes; expected \(volume.size) bytes") }
    }

    /// The guest writes below this header, never into it; one over another file was made by something else and is left as it is.
    private func header(of volume: Volume) throws -> QcowHeader {
        let expected = volume.backing.map { QcowHeader.Backing(path: $0.source.file ?? "", format: $0.format.rawValue) }
        do {
            let header = try QcowHeader(OpenFile(path(of: volume), .read).bytes(ImageSample.headLimit, at: 0))
            if header.backing == expected && !header.features.contains(.externalData) { return header }
            throw mistaken(
                volume,
                "found one over \(header.backing?.path ?? "nothing") (\(header.backing?.format ?? "no format"));"
                    + " expected one over \(expected?.path ?? "nothing")")
        } catch let refusal as ImageRefusal {
            throw mistaken(volume, refusal.reason)
        }
    }

    private func mistaken(_ volume: Volume, _ problem: String) -> Failure {
        Failure(
            .needsOperator, .serviceError, "cannot use the disk that is already there: it is not the one that was ordered",
            detail: "\(path(of: volume)): \(problem)")
    }
}
