/// A disk format that Hostal reads. Everything else is refused before a tool sees it.
package enum DiskFormat: String, Sendable, Codable, Hashable {
    case raw, qcow2
}

/// The SHA-256 of a whole image file: 64 lower-case hexadecimal digits. It names the image on every host.
package struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
    package let hex: String
    /// Nil unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        self.hex = hex
    }
    package var description: String { "sha256:\(hex)" }
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 in lower-case hexadecimal")
        }
        self = digest
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// A base disk that guests are cloned from, as the database knows it.
package struct Image: Hashable, Sendable, Codable {
    package var id: ImageID
    package var name: String
    package var digest: Digest
    package var format: DiskFormat
    /// What the guest sees as its disk's size before it is grown, in bytes.
    package var virtualSize: Int64
    /// Where a host fetches it from: an absolute path, or an http(s) URL.
    package var location: String

    package init(id: ImageID, name: String, digest: Digest, format: DiskFormat, virtualSize: Int64, location: String) {
        self.id = id
        self.name = name
        self.digest = digest
        self.format = format
        self.virtualSize = virtualSize
        self.location = location
    }
}

/// An image that lies on a host, whole and with its digest checked.
package struct StoredImage: Hashable, Sendable, Codable {
    package var digest: Digest
    package var path: String
    package var format: DiskFormat
    package var virtualSize: Int64

    package init(digest: Digest, path: String, format: DiskFormat, virtualSize: Int64) {
        self.digest = digest
        self.path = path
        self.format = format
        self.virtualSize = virtualSize
    }
}
