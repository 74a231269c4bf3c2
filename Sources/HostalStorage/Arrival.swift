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
    private let lock: FileLock

    var path: String { directory.path(of: partName) }

    /// Brings the file; what is refused is removed again. Blocks.
    init(by transfer: ImageTransfer, expecting checksum: Checksum?, format: DiskFormat?, holding lock: consuming FileLock) throws
    {
        let part = try transfer.run(expecting: checksum)
        do {
            let sample = try part.sample()
            facts = try ImageInspector.inspect(sample, as: try format ?? ImageInspector.recognise(sample))
            try part.seal()
        } catch {
            try transfer.discard()
            throw error
        }
        guard let digest = Digest(hex: part.digest) else { preconditionFailure("a SHA-256 has 64 digits") }
        self.digest = digest
        bytes = part.count
        directory = transfer.directory
        partName = transfer.partName
        self.lock = lock
    }
}
