import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalSystem

/// Images in a Ceph pool that disks are cloned from: each is brought there once, as `image-DIGEST` with a protected snapshot.
///
/// Ceph refuses to remove one that has snapshots, and a protected snapshot that has clones: what disks need stays.
struct RBDImages: Sendable {
    let tools: CephTools
    let work: Directory
    let qemuImg: QemuImg

    static let snapshot = "base"
    /// Clones inherit it, so that a disk tells what it was made from even when it needs its image no more.
    static let mark = "hostal.image"
    /// How long a clone waits for another job of this host that brings an image: one at a time is enough for the network.
    static let patience = Duration.seconds(600)
    private static let interval = Duration.milliseconds(200)
    /// What another host left half brought is removed when it is older than any work on it may be.
    static let abandonedAfter = CephTools.longLimit * 2

    static func name(of image: StoredImage) -> String { name(of: image.digest) }
    private static func name(of digest: Digest) -> String { "image-\(digest.hex)" }
    private static func partial(of name: String) -> String { "\(name).part-\(UUID().uuidString.lowercased())" }

    /// The image is whole in the pool afterwards. `present`: what the pool had a moment ago.
    func put(_ image: StoredImage, whereAre present: [String], cannot action: String) async throws {
        guard !present.contains(Self.name(of: image)) else { return }
        let lock = try await lock(cannot: action)
        let found = try await tools.rbd(["ls", tools.settings.pool], as: [String].self, cannot: action)
        if !found.contains(Self.name(of: image)) {
            try await removeOwnRemains(cannot: action)
            for partial in found where Self.isPartial(partial) { try await sweep(partial, cannot: action) }
            try await bring(image, as: Self.partial(of: Self.name(of: image)), cannot: action)
        }
        lock.release()
    }

    private func bring(_ image: StoredImage, as partial: String, cannot action: String) async throws {
        // A file of this name tells the next of this host whose half image it was, even where nothing has to be unpacked.
        let raw = work.path(of: partial)
        _ = try OpenFile(raw, .update)
        do {
            if image.format != .raw {
                try await qemuImg.convert(
                    .file(image.path, ImportFormat(image.format)), to: raw, as: .raw, size: image.virtualSize)
            }
            let spec = tools.spec(partial)
            try await tools.rbd(
                ["import", "--no-progress", "--image-format", "2", image.format == .raw ? image.path : raw, spec],
                within: CephTools.longLimit, cannot: action)
            try await tools.rbd(["image-meta", "set", spec, Self.mark, image.digest.hex], cannot: action)
            try await tools.rbd(["snap", "create", "--no-progress", "\(spec)@\(Self.snapshot)"], cannot: action)
            try await tools.rbd(["snap", "protect", "\(spec)@\(Self.snapshot)"], cannot: action)
            try await tools.offer(partial, as: Self.name(of: image), cannot: action)
            try await remove(partial, cannot: action)
            try work.remove(partial)
        } catch {
            // Where this cannot be done now, the next import does it.
            try? await removeOwnRemains(cannot: action)
            throw error
        }
    }

    /// Under the lock no import of this host lives; the tool of a dead one may, and then its image stays for the next.
    private func removeOwnRemains(cannot action: String) async throws {
        for partial in try work.names() where Self.isPartial(partial) {
            do {
                try await remove(partial, cannot: action)
                try work.remove(partial)
            } catch is RBDRefusal {}
        }
    }

    private static func isPartial(_ name: String) -> Bool { name.hasPrefix("image-") && name.contains(".part-") }

    private func lock(cannot action: String) async throws -> FileLock {
        let end = ContinuousClock.now + Self.patience
        while ContinuousClock.now < end {
            if let lock = try FileLock.take(work.path(of: "images.lock")) { return lock }
            try await Task.sleep(for: Self.interval)
        }
        throw Failure(.temporary, .serviceError, "cannot \(action): another job is still bringing the image to the disk pool")
    }

    /// Removes a half image unless somebody may be at work on it.
    private func sweep(_ partial: String, cannot action: String) async throws {
        do {
            let info = try await tools.info(tools.spec(partial), cannot: action)
            guard let created = CephTime.parse(info.created), Date.now > created + Double(Self.abandonedAfter.components.seconds)
            else { return }
            try await remove(partial, cannot: action)
        } catch is RBDRefusal {}
    }

    /// Only what has not its name, or not any more: nobody begins to clone it. One that a disk needs all the same is left.
    private func remove(_ partial: String, cannot action: String) async throws {
        let snapshot = "\(tools.spec(partial))@\(Self.snapshot)"
        if let clones = try? await tools.children(of: snapshot, cannot: action), !clones.isEmpty { throw RBDRefusal.inUse }
        _ = try? await tools.rbd(["snap", "unprotect", snapshot], cannot: action)
        _ = try? await tools.rbd(["snap", "rm", "--no-progress", snapshot], cannot: action)
        do {
            try await tools.rbd(
                ["rm", "--no-progress", "--rbd-move-to-trash-on-remove=false", tools.spec(partial)], within: CephTools.longLimit,
                cannot: action)
        } catch RBDRefusal.absent {}
    }
}

/// The way out of the pool.
extension RBDImages {
    /// How many of the disks that need an image an error names.
    private static let namesInErrors = 5

    /// The image and its snapshot are gone afterwards. Throws a temporary failure while a disk needs it.
    ///
    /// It loses its name first, so that nobody begins to clone it; whoever had begun then is seen by a second look. Ceph itself refuses what
    /// either look may miss, and a disk always keeps what it reads from.
    func remove(_ digest: Digest, cannot action: String) async throws {
        try work.makeForOwner()
        let lock = try await lock(cannot: action)
        let name = Self.name(of: digest)
        do {
            try await checkUnused(name, cannot: action)
            let partial = Self.partial(of: name)
            // Should this worker die, the next import of its host goes on.
            _ = try OpenFile(work.path(of: partial), .update)
            try await tools.rbd(["mv", tools.spec(name), tools.spec(partial)], cannot: action)
            do { try await checkUnused(partial, cannot: action) } catch {
                try await tools.offer(partial, as: name, cannot: action)
                try work.remove(partial)
                throw error
            }
            try await remove(partial, cannot: action)
            try work.remove(partial)
        } catch RBDRefusal.absent {}
        lock.release()
    }

    private func checkUnused(_ image: String, cannot action: String) async throws {
        let snapshots = try await tools.snapshots(of: tools.spec(image), cannot: action)
        let foreign = snapshots.filter { $0 != Self.snapshot }
        guard foreign.isEmpty else {
            throw tools.failure(
                .needsOperator, "cannot \(action): it has snapshots",
                "\(image) has snapshots that Hostal did not make: \(foreign.prefix(Self.namesInErrors).joined(separator: ", "))")
        }
        guard snapshots.contains(Self.snapshot) else { return }
        let children = try await tools.children(of: "\(tools.spec(image))@\(Self.snapshot)", cannot: action)
        guard children.isEmpty else {
            throw Failure.imageNeeded(
                "pool '\(tools.name)': \(image) has \(children.count) clones: "
                    + children.prefix(Self.namesInErrors).joined(separator: ", "))
        }
    }
}
