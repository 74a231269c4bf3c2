import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// Images on an export, each copied there once and named by its digest, for the overlays of every host.
struct NFSImages: Sendable {
    let pool: PoolName
    let export: NFSExport
    let headroom: Int64

    static let directory = "images"
    /// Seconds without a write after which a copy is a dead worker's.
    private static let staleAfter: Int64 = 3600
    private static let mode: Int32 = 0o444

    func file(_ image: StoredImage) -> String { "\(Self.directory)/\(image.digest.hex).\(image.format.rawValue)" }

    func isThere(_ image: StoredImage, _ session: NFSSession) throws -> Bool {
        guard let size = try session.size(of: file(image)) else { return false }
        let expected = try OpenFile(image.path, .read).size()
        guard size == expected else {
            throw Failure(
                .needsOperator, .imageUnavailable, "cannot clone the image to a disk: its copy in the disk pool is damaged",
                detail: "\(export.description)/\(file(image)) has \(size) bytes, not \(expected)")
        }
        return true
    }

    /// Two hosts may copy at once: the first to be whole stays, and is the same as the other.
    func bring(_ image: StoredImage, _ report: CopyReport) throws {
        let session = try NFSSession(export)
        try NFSMark.verify(pool, on: session)
        guard try !isThere(image, session) else { return }
        let source = try OpenFile(image.path, .read)
        let (needed, available) = (try source.size(), try session.space().available)
        guard available >= needed + headroom else {
            throw Failure.full(
                cannot: "copy the image to the disk pool", available: available, needed: needed, headroom: headroom)
        }
        let partial = "\(file(image)).part-\(UUID().uuidString.lowercased())"
        do {
            try session.upload(
                source, to: partial, mode: Self.mode,
                goOn: { written in
                    try Task.checkCancellation()
                    report(TransferProgress(bytesDone: written, bytesTotal: needed).words(for: PoolImages.copyOfImage))
                })
            try session.link(partial, as: file(image))
            try session.remove(partial)
        } catch {
            try? NFSSession(export).remove(partial)
            throw error
        }
        try removeStale(session)
    }

    /// Whole and partial copies of the image, whatever its format. Absent is success; a temporary failure where a disk is built on one.
    func remove(_ digest: Digest) throws {
        let session = try NFSSession(export)
        try NFSMark.verify(pool, on: session)
        let copies = Set(
            [DiskFormat.qcow2, .raw].compactMap {
                NFSExport.url(of: export.source(of: "\(Self.directory)/\(digest.hex).\($0.rawValue)"))
            })
        for disk in try session.names(in: "") where disk.hasSuffix(".\(DiskFormat.qcow2.rawValue)") {
            guard let head = try session.read(disk, limit: ImageSample.headLimit),
                let image = (try? QcowHeader(head))?.backing?.path
            else { continue }
            if copies.contains(image) { throw Failure.imageNeeded("\(export.description)/\(disk) is built on it") }
        }
        for name in try session.names(in: Self.directory) where name.hasPrefix("\(digest.hex).") {
            try session.remove("\(Self.directory)/\(name)")
        }
    }

    /// Copies that dead workers of any host left half done, by the server's clock.
    private func removeStale(_ session: NFSSession) throws {
        let probe = "\(Self.directory)/clock-\(UUID().uuidString.lowercased())"
        try session.write([], to: probe, mode: 0o600)
        let now = try session.modified(probe) ?? 0
        try session.remove(probe)
        for name in try session.names(in: Self.directory) where name.contains(".part-") || name.hasPrefix("clock-") {
            let path = "\(Self.directory)/\(name)"
            if let written = try session.modified(path), now - written > Self.staleAfter { try session.remove(path) }
        }
    }
}
