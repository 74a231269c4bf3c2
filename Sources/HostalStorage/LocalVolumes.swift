package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as files in one directory: on a local file system, or on one that the system mounted.
///
/// File calls run on a thread of its own, so that a storage server that hangs holds up no other work. Files are mode 0600 and owned by
/// root; libvirt hands them to QEMU while a guest runs. Needs root. What exists is judged by its own header, read by us: nothing is probed.
package actor LocalVolumes: VolumeStore {
    package enum Cloning: String, Sendable, Codable {
        /// Shares the image's blocks: made in milliseconds, and needs the image for as long as it lives.
        case overlay
        /// The same at first; the platform then orders that it be made to stand on its own, while its server is in use.
        case flattened
        /// Stands on its own, and takes as long as reading the whole image.
        case fullCopy = "full_copy"
        /// Stands on its own and is made in milliseconds, in the image's own format: images and disks lie on one file system, which shares
        /// their blocks.
        case reflink

        var beginsAsOverlay: Bool { self == .overlay || self == .flattened }

        /// Throws a `PoolSettingsError` for a format that this kind of cloning does not choose.
        static func validate(_ cloning: Cloning?, _ format: DiskFormat?) throws {
            if format == .raw && cloning != .fullCopy {
                throw PoolSettingsError("'format' raw needs 'cloning' full_copy; with reflink disks have their image's format")
            }
        }
    }

    let name: PoolName
    let pool: PoolDirectory
    let images: Directory
    let cloning: Cloning
    let format: DiskFormat
    let headroom: Int64
    let qemuImg: QemuImg
    let slots: CopySlots
    private let executor = ThreadExecutor(name: "volumes")

    package static let defaultHeadroom: Int64 = 1 << 30

    /// `images` is the one directory that backing files may lie in. `format` is that of full copies. `headroom`, in bytes, is what clones leave
    /// free on the pool for guests that already have their disks.
    package init(
        name: PoolName, pool: PoolDirectory, images: Directory, cloning: Cloning = .overlay, format: DiskFormat = .qcow2,
        headroom: Int64 = LocalVolumes.defaultHeadroom, sandbox: ToolSandbox = .required
    ) {
        self.name = name
        self.pool = pool
        self.images = images
        self.cloning = cloning
        self.format = format
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
            let volume = volume(name, of: image, size: size.bytes)
            try removePartials(of: name)
            if try names(of: name).contains(where: { try pool.directory.size(of: $0) != nil }) {
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
            let header = try header(of: volume)
            guard header.size <= size.bytes, volume.size <= size.bytes else {
                throw Failure(
                    .permanent, .invalidInput,
                    "cannot make the disk \(size) long: it has \(max(header.size, volume.size).inBinaryUnits), and a disk can only grow"
                )
            }
            if header.size < size.bytes {
                guard header.size == volume.size else {
                    throw mistaken(volume, "found \(header.size) bytes; \(volume.size) bytes are recorded")
                }
                try await lengthen(path(of: volume), volume.format, to: size.bytes, over: header.backing?.source.file)
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
            return try header(of: volume).size
        } catch {
            throw Failure(storage: error, cannot: "look at the disk")
        }
    }

    /// Throws `needsOperator` where libvirt would not find the image below the disk.
    package func publish(_ volume: Volume) async throws {
        do {
            try pool.verify()
            _ = try header(of: volume)
        } catch {
            throw Failure(storage: error, cannot: "reach the disk")
        }
    }

    package func remove(_ name: VolumeName) async throws {
        do {
            try pool.verify()
            let lock = try lock(name)
            try removePartials(of: name)
            for file in names(of: name) { try pool.directory.remove(file) }
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

    func lock(_ name: VolumeName) throws -> FileLock {
        guard let lock = try FileLock.take(pool.directory.path(of: "\(name).lock")) else {
            throw Failure(.temporary, .serviceError, "cannot change the disk: another job is working on it")
        }
        return lock
    }

    /// Under the lock no clone of this volume lives, so that every partial file of it is a dead one's.
    private func removePartials(of name: VolumeName) throws {
        for partial in try pool.directory.names() where partial.hasPrefix("\(name).part-") { try pool.directory.remove(partial) }
    }
}
