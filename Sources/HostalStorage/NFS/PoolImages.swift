import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// Images on a pool that several hosts have mounted: a backing file must be there for each of them.
struct PoolImages: Sendable {
    let host: Directory
    let pool: Directory
    let headroom: Int64

    /// What a report of progress calls it.
    static let copyOfImage = "the copy of the image to the disk pool"
    /// Seconds without a write after which a copy is a dead worker's.
    private static let staleAfter = 3600
    /// In bytes.
    private static let pieceSize = 1 << 20

    /// The image as it is on the pool, copied there if it was not. Two hosts may copy at once: both copies are the same. Blocks.
    func bring(_ image: StoredImage, _ report: CopyReport) throws -> StoredImage {
        let name = "\(image.digest.hex).\(image.format.rawValue)"
        var copy = image
        copy.path = pool.path(of: name)
        let source = try OpenFile(image.path, .read)
        let needed = try source.size()
        if mkdir(pool.path, 0o711) != 0 && errno != EEXIST { throw FileError("mkdir", pool.path) }
        if let size = try pool.size(of: name) {
            guard size == needed else {
                throw Failure(
                    .needsOperator, .imageUnavailable, "cannot clone the image to a disk: its copy in the disk pool is damaged",
                    detail: "\(copy.path) has \(size) bytes, not \(needed)")
            }
            return copy
        }
        let available = try pool.availableBytes()
        guard available >= needed + headroom else {
            throw Failure.full(
                cannot: "copy the image to the disk pool", available: available, needed: needed, headroom: headroom)
        }
        let partial = "\(name).part-\(UUID().uuidString.lowercased())"
        do {
            try write(source, to: partial) {
                report(TransferProgress(bytesDone: $0, bytesTotal: needed).words(for: Self.copyOfImage))
            }
            // Never over one that is there: another host's guests may run from it by now.
            if link(pool.path(of: partial), pool.path(of: name)) != 0 && errno != EEXIST {
                throw FileError("link", pool.path(of: partial))
            }
            try pool.remove(partial)
            try pool.sync()
        } catch {
            try? pool.remove(partial)
            throw error
        }
        try removeStale(olderThan: name)
        return copy
    }

    /// Whole and partial copies. Absent is success. Blocks.
    func remove(_ digest: Digest) throws {
        if mkdir(pool.path, 0o711) != 0 && errno != EEXIST { throw FileError("mkdir", pool.path) }
        for name in try pool.names() where name.hasPrefix("\(digest.hex).") { try pool.remove(name) }
        try pool.sync()
    }

    private func write(_ source: borrowing OpenFile, to partial: String, _ progress: (Int64) -> Void) throws {
        let target = try OpenFile(pool.path(of: partial), .update)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            try Task.checkCancellation()
            let count = try source.read(into: buffer, at: offset)
            if count == 0 { break }
            try target.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            offset += Int64(count)
            progress(offset)
        }
        try target.setMode(0o444)
        try target.sync()
    }

    /// Copies that dead workers of any host left half done, by the clock of the file server.
    private func removeStale(olderThan name: String) throws {
        guard let now = modified(name) else { return }
        for partial in try pool.names() where partial.contains(".part-") {
            if let written = modified(partial), now - written > Self.staleAfter { try pool.remove(partial) }
        }
    }

    private func modified(_ name: String) -> Int? {
        var status = stat()
        return lstat(pool.path(of: name), &status) == 0 ? status.st_mtim.tv_sec : nil
    }
}
