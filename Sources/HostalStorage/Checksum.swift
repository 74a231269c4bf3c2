package import HostalModel

/// What a publisher says about an image file.
package enum Checksum: Hashable, Sendable {
    case sha256(Digest)
    /// 128 lower-case hexadecimal digits.
    case sha512(String)

    /// Nil unless it is a SHA-256 (64 digits) or a SHA-512 (128 digits) in hexadecimal, upper or lower case.
    package init?(hexadecimal text: String) {
        let text = text.lowercased()
        if let digest = Digest(hex: text) {
            self = .sha256(digest)
        } else if text.utf8.count == 128, Digest(hex: String(text.prefix(64))) != nil, Digest(hex: String(text.suffix(64))) != nil
        {
            self = .sha512(text)
        } else {
            return nil
        }
    }

    var text: String {
        switch self {
        case .sha256(let digest): digest.hex
        case .sha512(let hex): hex
        }
    }

    func found(in part: PartFile) -> String {
        switch self {
        case .sha256: part.digest
        case .sha512: part.longDigest
        }
    }

    func matches(_ part: PartFile) -> Bool { found(in: part) == text }
}
