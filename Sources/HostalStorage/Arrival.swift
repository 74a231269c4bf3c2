import HostalModel
import HostalSystem

/// An image file that is whole, checked and synced, and has no name in its library yet. Keeps the lock of its key for as long as it lives.
final class Arrival: Sendable {
    let directory: Directory
    let partName: String
    let digest: Digest
    let facts: ImageFacts
    /// Of the file.
    let bytes: Int64
    private let lock: KeyLock

    var path: String { directory.path(of: partName) }

    /// Inspects the file, header and tables, and seals it. Throws an `ImageRefusal`. Blocks.
    init(_ part: PartFile, named name: String, in directory: Directory, as format: DiskFormat, holding lock: KeyLock) throws {
        let sample = try part.sample()
        facts = try ImageInspector.inspect(sample, as: format)
        if format == .qcow2 { try ImageInspector.inspectTables(of: part.file) }
        try part.seal()
        guard let digest = Digest(hex: part.digest) else { preconditionFailure("a SHA-256 has 64 digits") }
        self.digest = digest
        bytes = part.count
        self.directory = directory
        partName = name
        self.lock = lock
    }
}

/// An image file of another system: whole, inspected and read-only, and not converted yet. Keeps the lock of its key as well.
final class ForeignArrival: Sendable {
    let directory: Directory
    let partName: String
    let facts: ForeignFacts
    /// Where the conversion goes.
    let convertedName: String
    private let lock: KeyLock

    var path: String { directory.path(of: partName) }

    /// Blocks.
    init(_ part: PartFile, by transfer: ImageTransfer, as format: ImportFormat, holding lock: KeyLock) throws {
        _ = try part.sample()
        facts = try ImageInspector.inspectForeign(part.file, as: format)
        try part.seal()
        directory = transfer.directory
        partName = transfer.partName
        convertedName = "\(transfer.key).converted"
        self.lock = lock
        try directory.remove(convertedName)
    }

    /// The result of the conversion, inspected as if a stranger had made it. Blocks.
    func converted() throws -> Arrival {
        let part = try PartFile(directory.path(of: convertedName))
        let arrival = try Arrival(part, named: convertedName, in: directory, as: .qcow2, holding: lock)
        guard arrival.facts.virtualSize == facts.virtualSize else {
            throw ImageRefusal("it became a disk of \(arrival.facts.virtualSize) bytes; it says that it has \(facts.virtualSize)")
        }
        return arrival
    }

    func discard() throws {
        try directory.remove(convertedName)
        try directory.remove(partName)
    }
}

/// A `FileLock` that several values keep.
final class KeyLock: Sendable {
    private let lock: FileLock
    init(_ lock: consuming FileLock) { self.lock = lock }
}
