import HostalProvisioning

/// Who the guest is: cloud-init runs again when the instance id changes. The keys stand here and not in the user data, so that
/// cloud-init gives them to root and to the image's default user whatever the customer's document says.
enum MetaData {
    /// The most keys that a server has, and the most characters in one of them.
    static let keyCountLimit = 100
    static let keyLengthLimit = 16_384

    static func document(for contents: SeedContents) throws -> String {
        let tree: CloudConfig = [
            "instance-id": .string(contents.instanceID),
            "local-hostname": .string(contents.hostname),
            "public-keys": .list(try checked(contents.sshKeys).map { .string($0) }),
        ]
        return try tree.yaml()
    }

    private static func checked(_ keys: [String]) throws -> [String] {
        guard keys.count <= keyCountLimit else {
            throw refused("\(keys.count) SSH keys; at most \(keyCountLimit) are accepted")
        }
        for (place, key) in keys.enumerated() {
            let name = "SSH key \(place + 1) of \(keys.count)"
            guard !key.unicodeScalars.contains(where: \.isControl) else {
                throw refused("\(name) holds a line break or another control character; one line is accepted")
            }
            guard !key.isEmpty else { throw refused("\(name) is empty") }
            guard key.utf8.count <= keyLengthLimit else {
                throw refused("\(name) is \(key.utf8.count) bytes; at most \(keyLengthLimit) are accepted")
            }
        }
        return keys
    }
}

extension Unicode.Scalar {
    /// Everything that some program takes for the end of a line or for a terminal's command.
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
