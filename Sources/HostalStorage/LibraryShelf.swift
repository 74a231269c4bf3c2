import FoundationEssentials
import HostalModel
import HostalSystem

/// The files of an image library: `<digest>.qcow2` or `.raw`, beside each a `.json` that says what was checked when it was stored.
///
/// Both are written before the image gets its name, so an image with a matching record is whole. Calls block.
struct LibraryShelf: Sendable {
    let directory: Directory

    /// What was true of the file when it was stored.
    private struct Record: Codable {
        var format: DiskFormat
        var virtualSize: Int64
        /// Of the file.
        var bytes: Int64
    }
    private static let recordLimit = 4096

    struct Entry: Sendable {
        var image: StoredImage
        /// Of the file.
        var bytes: Int64
    }

    /// The stored image if it is there with the size that it was stored with. It is not hashed again.
    func entry(_ digest: Digest, _ format: DiskFormat) throws -> Entry? {
        guard let bytes = try directory.read("\(digest.hex).json", limit: Self.recordLimit),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.format == format,
            try directory.size(of: file(digest, format)) == record.bytes
        else { return nil }
        let path = directory.path(of: file(digest, format))
        return Entry(
            image: StoredImage(digest: digest, path: path, format: format, virtualSize: record.virtualSize), bytes: record.bytes)
    }

    /// Gives a checked file its name and makes both survive a power cut. An image of the same digest is replaced by its equal.
    func store(_ part: PartFile, named name: String, as digest: Digest, _ facts: ImageFacts) throws -> Entry {
        try part.seal()
        let record = Record(format: facts.format, virtualSize: facts.virtualSize, bytes: part.count)
        try directory.write(Array(try JSONEncoder().encode(record)), as: "\(digest.hex).json")
        try directory.rename(name, to: file(digest, facts.format))
        try directory.sync()
        let path = directory.path(of: file(digest, facts.format))
        return Entry(
            image: StoredImage(digest: digest, path: path, format: facts.format, virtualSize: facts.virtualSize),
            bytes: part.count)
    }

    private func file(_ digest: Digest, _ format: DiskFormat) -> String { "\(digest.hex).\(format.rawValue)" }
}
