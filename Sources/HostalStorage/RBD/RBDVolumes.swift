import FoundationEssentials
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as images in a Ceph pool, cloned from a snapshot of an image that is brought there once.
///
/// A disk is `vol-GUEST-GENERATION` with its name in its metadata. It is made under another name and renamed, which Ceph refuses where the name
/// is taken: so hosts that work at once never see half of one. Which hosts share a lock does not matter: locks only tell this host's dead work.
package actor RBDVolumes: VolumeStore {
    private let name: PoolName
    let settings: RBDPoolSettings
    private let images: Directory
    let work: Directory
    private let headroom: Int64
    let tools: CephTools
    let bases: RBDImages
    let qemuImg: QemuImg
    let slots: CopySlots
    private var seen: (space: PoolSpace, at: ContinuousClock.Instant)?

    /// What a clone takes at most: its header.
    private static let cloneSize: Int64 = 4 << 20
    package static let defaultHeadroom: Int64 = 1 << 30
    /// How old an answer about free space may be for a clone.
    private static let spaceAge = Duration.seconds(30)
    /// What says whose a disk is: `GUEST-GENERATION`.
    private static let mark = "hostal.volume"

    /// `images` is the one directory that images may lie in; `work` is the pool's own on this host, for locks and unpacked images, and is made
    /// if it is absent. `headroom`, in bytes, is what clones leave free.
    package init(
        name: PoolName, settings: RBDPoolSettings, images: Directory, work: Directory,
        headroom: Int64 = RBDVolumes.defaultHeadroom, sandbox: ToolSandbox = .required
    ) throws {
        self.name = name
        self.settings = settings
        self.images = images
        self.work = work
        self.headroom = headroom
        tools = try CephTools(name: name, settings: settings)
        qemuImg = QemuImg(sandbox: sandbox)
        // Of all pools of the host, which have this directory in common.
        slots = CopySlots(directory: images)
        bases = RBDImages(tools: tools, work: work, qemuImg: qemuImg)
    }

    package func clone(
        _ image: StoredImage, to name: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        let action = "clone the image to a disk"
        return try await doing(action) {
            try image.check(in: images, fitsIn: size)
            let lock = try lock(name)
            let volume = try volume(name, size)
            let present = try await tools.rbd(["ls", settings.pool], as: [String].self, cannot: action)
            for partial in present where partial.hasPrefix("\(rbdName(name)).part-") { try await destroy(partial, action) }
            var isOurs = false
            if try await !isThere(name, amongst: present, action) {
                try await checkSpace(
                    for: present.contains(RBDImages.name(of: image)) ? Self.cloneSize : image.virtualSize, action)
                report("the image to be in the disk pool")
                try await bases.put(image, whereAre: present, cannot: action)
                isOurs = try await make(volume, from: image, action)
            }
            if !isOurs { try await check(volume, isFrom: image, action) }
            lock.release()
            return volume
        }
    }

    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        let action = "grow the disk"
        return try await doing(action) {
            let lock = try lock(volume.name)
            var grown = volume
            grown.size = size.bytes
            try await checkMark(volume.name, action)
            let present = try await sizeOnServer(volume, action)
            guard present <= size.bytes, volume.size <= size.bytes else {
                throw Failure(
                    .permanent, .invalidInput,
                    "cannot make the disk \(size) long: it has \(max(present, volume.size).inBinaryUnits), and a disk can only grow"
                )
            }
            if present < size.bytes {
                guard present == volume.size else {
                    throw mistaken(volume.name, "it has \(present) bytes; \(volume.size) bytes are recorded")
                }
                try await resize(rbdName(volume.name), size.bytes, action)
            }
            lock.release()
            return grown
        }
    }

    package func size(of volume: Volume) async throws -> Int64 {
        try await doing("look at the disk") { try await sizeOnServer(volume, "look at the disk") }
    }

    package func remove(_ name: VolumeName) async throws {
        let action = "remove the disk"
        try await doing(action) {
            let lock = try lock(name)
            let present = try await tools.rbd(["ls", settings.pool], as: [String].self, cannot: action)
            for partial in present where partial.hasPrefix("\(rbdName(name)).part-") { try await destroy(partial, action) }
            if try await isThere(name, amongst: present, action) { try await destroyWithCopies(rbdName(name), action) }
            try work.remove(connectionFile(name))
            let trashed = try await trash(action).filter { $0.name == rbdName(name) }
            guard trashed.isEmpty else {
                throw tools.failure(
                    .needsOperator, "cannot remove the disk: it was put aside by hand",
                    "Ceph's trash has \(rbdName(name)) as \(trashed.map(\.id).joined(separator: ", ")): 'rbd trash rm' or 'rbd trash restore'"
                )
            }
            lock.release()
        }
    }

    package func remains(of guest: GuestID) async throws -> [String] {
        let action = "look for the server's disks"
        return try await doing(action) {
            let images = try await tools.rbd(["ls", settings.pool], as: [String].self, cannot: action)
            let names = try await images.map { $0 } + trash(action).map { "\($0.name) in the trash" }
            return names.filter { $0.hasPrefix("vol-\(guest)-") }.sorted().map(tools.spec)
        }
    }

    package func secret(of guest: GuestID) async throws -> StorageSecret? {
        StorageSecret(usage: .ceph, name: secretName, value: try CephKeyring.key(of: settings, pool: name))
    }

    package func space() async throws -> PoolSpace {
        let action = "look at the disk pool"
        return try await doing(action) {
            let found = try await tools.ceph(["df", "detail"], as: CephSpace.self, cannot: action)
            guard let space = found.space(of: settings.pool) else {
                throw tools.failure(
                    .needsOperator, "cannot \(action): the settings of the disk pool are wrong", "there is no such pool")
            }
            seen = (space, .now)
            return space
        }
    }

    func rbdName(_ name: VolumeName) -> String { "vol-\(name)" }
    /// One for each pool, as all its guests have one user.
    private var secretName: String { "hostal-pool-\(name)" }

    private func volume(_ name: VolumeName, _ size: Gibibytes) throws -> Volume {
        Volume(
            name: name, pool: self.name,
            source: .rbd(
                monitors: try settings.peers(), pool: settings.pool, image: rbdName(name), user: settings.user, secret: secretName
            ),
            // Ceph itself knows what a clone reads from: nobody else is told.
            format: .raw, size: size.bytes, backing: nil)
    }

    func doing<T: Sendable>(_ action: String, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch RBDRefusal.absent {
            throw tools.failure(.needsOperator, "cannot \(action): it is not in its pool", "the image is absent")
        } catch RBDRefusal.inUse {
            throw tools.failure(
                .temporary, "cannot \(action): it is still in use",
                "the image has watchers: a guest runs from it, or a client died within the last 30 s")
        } catch RBDRefusal.hasSnapshots {
            throw tools.failure(
                .needsOperator, "cannot \(action): it has snapshots", "the image has snapshots that Hostal did not make")
        } catch let error as CommandError {
            // QEMU's: those of Ceph's tools are told already.
            var failure = Failure(storage: error, cannot: action)
            failure.detail = "pool '\(name)': \(failure.detail ?? "\(error)")"
            throw failure
        } catch {
            throw Failure(storage: error, cannot: action)
        }
    }

    func lock(_ name: VolumeName) throws -> FileLock {
        try work.makeForOwner()
        guard let lock = try FileLock.take(work.path(of: "\(name).lock")) else {
            throw Failure(.temporary, .serviceError, "cannot change the disk: another job is working on it")
        }
        return lock
    }

    private func checkSpace(for needed: Int64, _ action: String) async throws {
        let known = seen.flatMap { ContinuousClock.now - $0.at < Self.spaceAge ? $0.space : nil }
        let available = if let known { known.available } else { try await space().available }
        guard available >= needed + headroom else {
            throw Failure.full(cannot: action, available: available, needed: needed, headroom: headroom)
        }
    }
}

extension RBDVolumes {
    /// False where another host was faster: what it made is judged as any other that was there before.
    private func make(_ volume: Volume, from image: StoredImage, _ action: String) async throws -> Bool {
        // Unique: the tool of a worker that was killed may live on, and then works on an image that has no name any more.
        let partial = "\(rbdName(volume.name)).part-\(UUID().uuidString.lowercased())"
        do {
            try await tools.rbd(
                ["clone", "\(tools.spec(RBDImages.name(of: image)))@\(RBDImages.snapshot)", tools.spec(partial)], cannot: action)
            if volume.size > image.virtualSize { try await resize(partial, volume.size, action) }
            try await tools.rbd(["image-meta", "set", tools.spec(partial), Self.mark, "\(volume.name)"], cannot: action)
            let isNamed = try await tools.offer(partial, as: rbdName(volume.name), cannot: action)
            let isLeft = try await destroy(partial, action)
            return isNamed && !isLeft
        } catch RBDRefusal.absent {
            throw tools.failure(
                .temporary, "cannot \(action): another host is working on it", "\(partial) was removed while it was being made")
        } catch {
            _ = try? await destroy(partial, action)
            throw error
        }
    }

    /// Finishes a removal that was cut off: such an image is still listed, and has no metadata any more.
    private func isThere(_ name: VolumeName, amongst present: [String], _ action: String) async throws -> Bool {
        guard present.contains(rbdName(name)) else { return false }
        do {
            try await checkMark(name, action)
            return true
        } catch RBDRefusal.absent {
            try await destroy(rbdName(name), action)
            return false
        }
    }

    private func resize(_ image: String, _ size: Int64, _ action: String) async throws {
        try await tools.rbd(["resize", "--no-progress", "--size", "\(size)B", tools.spec(image)], cannot: action)
    }

    /// False when it was absent. At once: never by way of Ceph's trash, whatever the cluster's default is.
    @discardableResult
    private func destroy(_ image: String, _ action: String) async throws -> Bool {
        do {
            try await tools.rbd(
                ["rm", "--no-progress", "--rbd-move-to-trash-on-remove=false", tools.spec(image)], within: CephTools.longLimit,
                cannot: action)
            return true
        } catch RBDRefusal.absent {
            return false
        }
    }

    private func destroyWithCopies(_ image: String, _ action: String) async throws {
        do { try await destroy(image, action) } catch RBDRefusal.hasSnapshots {
            try await removeOwnSnapshots(of: image, action)
            try await destroy(image, action)
        }
    }

    private func metadata(_ name: VolumeName, _ action: String) async throws -> [String: String] {
        // Without any metadata it answers with an empty line.
        let text = try await tools.rbd(["image-meta", "list", tools.spec(rbdName(name)), "--format", "json"], cannot: action)
        return (try? JSONDecoder().decode([String: String].self, from: Data(text.utf8))) ?? [:]
    }

    @discardableResult
    func checkMark(_ name: VolumeName, _ action: String) async throws -> [String: String] {
        let found = try await metadata(name, action)
        guard found[Self.mark] == "\(name)" else {
            throw mistaken(
                name, "its metadata says \(Self.mark) is \(found[Self.mark] ?? "nothing"); it was made by something else")
        }
        return found
    }

    private func check(_ volume: Volume, isFrom image: StoredImage, _ action: String) async throws {
        let digest = try await checkMark(volume.name, action)[RBDImages.mark]
        guard digest == image.digest.hex else {
            throw mistaken(volume.name, "it was made from image \(digest ?? "nothing"); expected \(image.digest.hex)")
        }
        let size = try await sizeOnServer(volume, action)
        guard size == volume.size else {
            throw mistaken(volume.name, "it has \(size) bytes; expected \(volume.size) bytes")
        }
    }

    private func sizeOnServer(_ volume: Volume, _ action: String) async throws -> Int64 {
        try await tools.info(tools.spec(rbdName(volume.name)), cannot: action).size
    }

    private struct Trashed: Decodable {
        var id: String
        var name: String
    }

    private func trash(_ action: String) async throws -> [Trashed] {
        try await tools.rbd(["trash", "ls", settings.pool], as: [Trashed].self, cannot: action)
    }

    private func mistaken(_ name: VolumeName, _ problem: String) -> Failure {
        tools.failure(
            .needsOperator, "cannot use the disk that is already there: it is not the one that was ordered",
            "\(rbdName(name)): \(problem)")
    }
}
