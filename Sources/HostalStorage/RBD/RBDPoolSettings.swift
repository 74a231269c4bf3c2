package import HostalModel

/// Images in a pool of a Ceph cluster.
package struct RBDPoolSettings: PoolSettings {
    /// `HOST:PORT`, with commas between; IPv6 addresses in brackets. Ports of the older messenger protocol, 6789 where none is said.
    package var monitors: String
    /// Ceph's name of the pool.
    package var pool: String
    /// Without `client.` before it.
    package var user: String
    /// Absolute path of the file with the user's key; nil for `/etc/ceph/ceph.client.USER.keyring`.
    package var keyring: String?
    /// Absolute path of a configuration for Ceph's tools; nil for none. The settings here are stronger.
    package var conf: String?

    package init(monitors: String, pool: String, user: String, keyring: String? = nil, conf: String? = nil) {
        self.monitors = monitors
        self.pool = pool
        self.user = user
        self.keyring = keyring
        self.conf = conf
    }

    package static let fields: Set<String> = ["monitors", "pool", "user", "keyring", "conf"]
    static let defaultPort = 6789
    static let monitorsLimit = 16

    package func validate() throws {
        _ = try peers()
        guard Self.isName(pool) else {
            throw PoolSettingsError("'pool' is '\(pool)'; letters, digits, '.', '_' and '-' are accepted, 64 at most")
        }
        guard Self.isName(user) else {
            throw PoolSettingsError("'user' is '\(user)'; letters, digits, '.', '_' and '-' are accepted, 64 at most")
        }
        guard !user.hasPrefix("client.") else { throw PoolSettingsError("'user' is said without 'client.'") }
        for (name, path) in [("keyring", keyring), ("conf", conf)] {
            if let path, !path.hasPrefix("/") { throw PoolSettingsError("'\(name)' must be an absolute path") }
        }
    }

    package var keyringPath: String { keyring ?? "/etc/ceph/ceph.client.\(user).keyring" }

    /// Addresses without brackets. Throws a `PoolSettingsError`.
    package func peers() throws -> [StoragePeer] {
        let peers = try monitors.split(separator: ",", omittingEmptySubsequences: false).map { text in
            guard let peer = Self.peer(text) else {
                throw PoolSettingsError("'monitors' has '\(text)'; HOST:PORT is accepted, with commas between")
            }
            return peer
        }
        guard peers.count <= Self.monitorsLimit else {
            throw PoolSettingsError("'monitors' has \(peers.count); at most \(Self.monitorsLimit) are accepted")
        }
        return peers
    }

    private static func peer(_ text: Substring) -> StoragePeer? {
        guard let match = text.wholeMatch(of: /(?:\[([0-9a-fA-F:]+)\]|([a-zA-Z0-9][a-zA-Z0-9.-]*))(?::([0-9]{1,5}))?/) else {
            return nil
        }
        let port = match.3.flatMap { Int($0) } ?? defaultPort
        guard (1...65_535).contains(port), let host = match.1 ?? match.2 else { return nil }
        return StoragePeer(host: String(host), port: port)
    }

    private static func isName(_ text: String) -> Bool { text.wholeMatch(of: /[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}/) != nil }
}
