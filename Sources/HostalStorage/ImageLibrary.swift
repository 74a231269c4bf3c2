package import HostalModel
package import HostalProvisioning
package import HostalSystem
import Synchronization

/// Base images in one directory of a host, named by their digest, mode 0444: guests' disks are built on them, so nothing here ever changes.
///
/// Fetches run on threads of their own. Needs a directory that exists and that only root may write.
package final class ImageLibrary: ImageStore {
    package let directory: Directory
    let limits: TransferLimits
    private let observe: @Sendable (Image, TransferProgress) -> Void
    private let idleLanes: Mutex<[BlockingLane]>

    /// Images that a host fetches at once; who comes later is told that a fetch is in progress.
    package static let lanes = 2

    /// `progress` is called on the fetching thread for each piece that arrives.
    package init(
        directory: Directory, limits: TransferLimits = TransferLimits(),
        progress: @escaping @Sendable (Image, TransferProgress) -> Void = { _, _ in }
    ) {
        self.directory = directory
        self.limits = limits
        observe = progress
        idleLanes = Mutex((1...Self.lanes).map { BlockingLane(name: "images-\($0)") })
    }

    package func fetch(_ image: Image) async throws -> ImageFetch {
        do {
            let entry = try await onLane { [self] in
                try await bring(
                    image.location, key: image.digest.hex, expecting: .sha256(image.digest), format: image.format,
                    progress: { [observe] in observe(image, $0) })
            }
            return entry.map { .ready($0.image) } ?? .inProgress
        } catch {
            throw Failure(storage: error, cannot: "fetch image '\(image.name)'")
        }
    }

    /// Runs blocking work on a thread of the library; nil when all of them are busy.
    func onLane<Value: Sendable>(_ work: @Sendable () async throws -> Value?) async throws -> Value? {
        guard let lane = idleLanes.withLock({ $0.popLast() }) else { return nil }
        defer { idleLanes.withLock { $0.append(lane) } }
        return try await lane.perform(work)
    }

    /// The image, whole, checked and stored; nil while another task or process is bringing the same key. Blocks its
    /// thread. `format` nil takes what the file itself says; `vet` may refuse the file, by its path, before it gets its name.
    func bring(
        _ location: String, key: String, expecting checksum: Checksum?, format: DiskFormat?,
        vet: (String, ImageFacts) async throws -> Void = { _, _ in }, progress: @escaping TransferProgress.Observer
    ) async throws -> LibraryShelf.Entry? {
        let shelf = LibraryShelf(directory: directory)
        if let known = try stored(checksum, format, on: shelf) { return known }
        guard let source = ImageSource(location: location) else {
            throw ImageRefusal("its location is neither an absolute path nor an http or https address")
        }
        guard let lock = try FileLock.take(directory.path(of: "\(key).lock")) else { return nil }
        // Whoever held the lock until now may have stored it.
        if let known = try stored(checksum, format, on: shelf) { return known }
        let transfer = ImageTransfer(source: source, key: key, directory: directory, limits: limits, progress: progress)
        let part = try transfer.run(expecting: checksum)
        do {
            let sample = try part.sample()
            let facts = try ImageInspector.inspect(sample, as: try format ?? ImageInspector.recognise(sample))
            try await vet(part.path, facts)
            guard let digest = Digest(hex: part.digest) else { preconditionFailure("a SHA-256 has 64 digits") }
            let entry = try shelf.entry(digest, facts.format) ?? shelf.store(part, named: transfer.partName, as: digest, facts)
            try transfer.discard()
            lock.release()
            return entry
        } catch {
            try transfer.discard()
            throw error
        }
    }

    private func stored(_ checksum: Checksum?, _ format: DiskFormat?, on shelf: LibraryShelf) throws -> LibraryShelf.Entry? {
        guard case .sha256(let digest)? = checksum else { return nil }
        for format in format.map({ [$0] }) ?? [.qcow2, .raw] {
            if let entry = try shelf.entry(digest, format) { return entry }
        }
        return nil
    }
}
