import Glibc

/// A file of host keys for one server, which ssh reads. It stays, because ssh takes the program's place; it holds nothing secret.
enum KnownHosts {
    /// Bytes of one key's line.
    private static let lengthLimit = 16_384

    /// Returns its path. Throws a `CommandError`, also for a key that is not one line of a known_hosts file.
    static func write(_ keys: [String], alias: String) throws -> String {
        let isKey: (String) -> Bool = { key in
            let parts = key.split(separator: " ", omittingEmptySubsequences: false)
            return key.utf8.count <= lengthLimit && (2...3).contains(parts.count) && parts.allSatisfy { !$0.isEmpty }
                && key.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && parts[0].utf8.allSatisfy { $0 != UInt8(ascii: "@") }
        }
        guard keys.allSatisfy(isKey) else {
            throw CommandError(.other, "cannot use the server's host keys: the API gave something that is no public key")
        }
        guard let base = Terminal.environment("XDG_CACHE_HOME") ?? Terminal.environment("HOME").map({ $0 + "/.cache" }) else {
            throw CommandError(.usage, "cannot keep the server's host keys: HOME is not set")
        }
        let path = "\(base)/hostal/known-hosts/\(alias)"
        // ssh reads a quote in it as the end of the name.
        guard !path.contains("\""), !path.contains("%") else {
            throw CommandError(.other, "cannot keep the server's host keys: ssh cannot read a file called \(path)".printable)
        }
        try PrivateFile(path: path).write(keys.map { "\(alias) \($0)\n" }.joined())
        return path
    }
}
