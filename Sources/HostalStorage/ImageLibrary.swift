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
    /// For what takes no minutes; it never waits for a fetch.
    private let shelving = BlockingLane(name: "images")

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

    package func fetch(_ image: Image, report: @escaping CopyReport) async throws -> ImageFetch {
        do {
            let entry = try await bring(
                image.location, key: image.digest.hex, expecting: .sha256(image.digest), format: ImportFormat(image.format),
                progress: { [observe] progress in
                    observe(image, progress)
                    report(progress.words(for: "image '\(image.name)' to arrive"))
                })
            return entry.map { .ready($0.image) } ?? .inProgress
        } catch {
            throw Failure(storage: error, cannot: "fetch image '\(image.name)'")
        }
    }

    package func held() async throws -> Set<Digest> {
        do {
            return try await shelving.perform { [directory] in try LibraryShelf(directory: directory).digests() }
        } catch {
            throw Failure(storage: error, cannot: "list the host's images")
        }
    }

    package func forget(_ digest: Digest) async throws {
        let action = "remove the image from the host"
        do {
            try await shelving.perform { [directory] in
                guard let lock = try FileLock.take(directory.path(of: "\(digest.hex).lock")) else {
                    throw Failure(.temporary, .serviceError, "cannot \(action): it is being fetched")
                }
                try LibraryShelf(directory: directory).remove(digest)
                lock.release()
            }
        } catch {
            throw Failure(storage: error, cannot: action)
        }
    }

    /// The image, whole, checked and stored; nil while another task or process is bringing the same key, or all threads are busy.
    /// `format` nil takes what the file itself says; `vet` may refuse the file, by its path, before it gets its name. Without `convert`,
    /// which writes an image of another system to where it is to go, only raw and qcow2 are accepted.
    func bring(
        _ location: String, key: String, expecting checksum: Checksum?, format: ImportFormat?,
        convert: ((ForeignArrival) async throws -> Void)? = nil,
        vet: (String, ImageFacts) async throws -> Void = { _, _ in }, progress: @escaping TransferProgress.Observer
    ) async throws -> LibraryShelf.Entry? {
        guard let lane = idleLanes.withLock({ $0.popLast() }) else { return nil }
        defer { idleLanes.withLock { $0.append(lane) } }
        let shelf = LibraryShelf(directory: directory)
        let converts = convert != nil
        let start = try await lane.perform { [self] in
            try begin(location, key: key, expecting: checksum, format: format, converting: converts, progress: progress)
        }
        switch start {
        case .known(let entry): return entry
        case .busy: return nil
        case .arrived(let arrival):
            do {
                try await vet(arrival.path, arrival.facts)
                return try await lane.perform { try shelf.store(arrival) }
            } catch {
                try await lane.perform { try arrival.directory.remove(arrival.partName) }
                throw error
            }
        case .foreign(let foreign):
            do {
                try await convert?(foreign)
                let arrival = try await lane.perform { try foreign.converted() }
                try await vet(arrival.path, arrival.facts)
                return try await lane.perform {
                    let entry = try shelf.store(arrival)
                    try foreign.discard()
                    return entry
                }
            } catch {
                try await lane.perform { try foreign.discard() }
                throw error
            }
        }
    }

    private enum Start: Sendable {
        case known(LibraryShelf.Entry)
        case busy
        case arrived(Arrival)
        case foreign(ForeignArrival)
    }

    /// Blocks until the file is here.
    private func begin(
        _ location: String, key: String, expecting checksum: Checksum?, format: ImportFormat?, converting: Bool,
        progress: @escaping TransferProgress.Observer
    ) throws -> Start {
        if let known = try stored(checksum, format) { return .known(known) }
        guard let source = ImageSource(location: location) else {
            throw ImageRefusal("its location is neither an absolute path nor an http or https address")
        }
        guard let lock = try FileLock.take(directory.path(of: "\(key).lock")) else { return .busy }
        // Whoever held the lock until now may have stored it.
        if let known = try stored(checksum, format) { return .known(known) }
        let transfer = ImageTransfer(source: source, key: key, directory: directory, limits: limits, progress: progress)
        let held = KeyLock(lock)
        let part = try transfer.run(expecting: checksum)
        do {
            let sample = try part.sample()
            let found = try format ?? (converting ? .recognise(sample) : ImportFormat(ImageInspector.recognise(sample)))
            if let native = found.native {
                return .arrived(try Arrival(part, named: transfer.partName, in: directory, as: native, holding: held))
            }
            return .foreign(try ForeignArrival(part, by: transfer, as: found, holding: held))
        } catch {
            try transfer.discard()
            throw error
        }
    }

    private func stored(_ checksum: Checksum?, _ format: ImportFormat?) throws -> LibraryShelf.Entry? {
        guard case .sha256(let digest)? = checksum else { return nil }
        for format in format.map({ [$0] }) ?? [.qcow2, .raw] {
            guard let format = format.native else { continue }
            if let entry = try LibraryShelf(directory: directory).entry(digest, format) { return entry }
        }
        return nil
    }
}
