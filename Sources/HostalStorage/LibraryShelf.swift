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

    /// The stored image if it is there with the size that it was stored with. It is not hashed again. An unreadable record counts as none.
    func entry(_ digest: Digest, _ format: DiskFormat) throws -> Entry? {
        guard let bytes = try directory.read("\(digest.hex).json", limit: Self.recordLimit),
            let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.format == format,
            try directory.size(of: file(digest, format)) == record.bytes
        else { return nil }
        let path = directory.path(of: file(digest, format))
        return Entry(
            image: StoredImage(digest: digest, path: path, format: format, virtualSize: record.virtualSize), bytes: record.bytes)
    }

    /// Gives a sealed file its name and makes both survive a power cut. An image of the same digest stays as it is.
    func store(_ arrival: Arrival) throws -> Entry {
        let (digest, facts) = (arrival.digest, arrival.facts)
        if let known = try entry(digest, facts.format) {
            try directory.remove(arrival.partName)
            return known
        }
        let record = Record(format: facts.format, virtualSize: facts.virtualSize, bytes: arrival.bytes)
        try directory.write(Array(try JSONEncoder().encode(record)), as: "\(digest.hex).json")
        try directory.rename(arrival.partName, to: file(digest, facts.format))
        try directory.sync()
        let path = directory.path(of: file(digest, facts.format))
        return Entry(
            image: StoredImage(digest: digest, path: path, format: facts.format, virtualSize: facts.virtualSize),
            bytes: arrival.bytes)
    }

    /// What has a digest for its name: images, and records that a killed removal left. What only a fetch has written is not among them.
    func digests() throws -> Set<Digest> {
        let endings = [DiskFormat.qcow2, .raw].map { ".\($0.rawValue)" } + [".json"]
        return Set(
            try directory.names().compactMap { name in
                endings.first { name.hasSuffix($0) }.flatMap { Digest(hex: String(name.dropLast($0.count))) }
            })
    }

    /// The image in every format, its record, and what dead fetches left of it. The caller holds the lock of its digest.
    func remove(_ digest: Digest) throws {
        for name in try directory.names() where name.hasPrefix("\(digest.hex).") && name != "\(digest.hex).lock" {
            try directory.remove(name)
        }
        try directory.sync()
    }

    private func file(_ digest: Digest, _ format: DiskFormat) -> String { "\(digest.hex).\(format.rawValue)" }
}
