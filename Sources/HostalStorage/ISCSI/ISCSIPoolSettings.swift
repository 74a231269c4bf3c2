package import HostalModel

/// LUNs of a storage server, one for each disk. docs/storage.md explains each setting.
package struct ISCSIPoolSettings: PoolSettings {
    package enum Driver: String, Sendable, Codable {
        /// Linux's `tgtd`, with LUNs as files of its host.
        case tgt
    }

    /// Where initiators connect: `10.0.0.5` or `10.0.0.5:3260`.
    package var portal: String
    /// Targets are named `PREFIX:GUEST-GENERATION`.
    package var targetPrefix: String
    /// Hosts are named `PREFIX:HOST`.
    package var initiatorPrefix: String
    /// On each host, mode 0600: what CHAP passwords are made from.
    package var keyFile: String
    /// On the storage server: holds the LUNs.
    package var directory: String
    /// Nil: `tgt`.
    package var driver: Driver?
    /// Where the storage server is commanded, for SSH: `root@10.0.0.5`. Nil: it is this host.
    package var control: String?
    /// SSH's private key, on each host. Nil: as root's SSH configuration says.
    package var controlKey: String?
    /// tgtd's control socket, as `TGT_IPC_SOCKET` names it. Nil: the usual one.
    package var socket: String?

    package static let fields: Set<String> = [
        "portal", "target_prefix", "initiator_prefix", "key_file", "directory", "driver", "control", "control_key", "socket",
    ]

    package enum CodingKeys: String, CodingKey {
        case portal, directory, driver, control, socket
        case targetPrefix = "target_prefix"
        case initiatorPrefix = "initiator_prefix"
        case keyFile = "key_file"
        case controlKey = "control_key"
    }

    package init(
        portal: String, targetPrefix: String, initiatorPrefix: String, keyFile: String, directory: String, driver: Driver? = nil,
        control: String? = nil, controlKey: String? = nil, socket: String? = nil
    ) {
        self.portal = portal
        self.targetPrefix = targetPrefix
        self.initiatorPrefix = initiatorPrefix
        self.keyFile = keyFile
        self.directory = directory
        self.driver = driver
        self.control = control
        self.controlKey = controlKey
        self.socket = socket
    }

    package func validate() throws {
        _ = try peer
        // A name may have 223 characters (RFC 3720): ours add 64 at most.
        for (field, name) in [("target_prefix", targetPrefix), ("initiator_prefix", initiatorPrefix)]
        where name.wholeMatch(of: /iqn\.[0-9]{4}-[0-9]{2}\.[a-z0-9.:-]{1,139}[a-z0-9]/) == nil {
            throw PoolSettingsError(
                "'\(field)' must be an IQN such as iqn.2026-01.example.hosting:pool-a, lower case, 150 characters at most")
        }
        for (field, path) in [
            ("key_file", keyFile), ("directory", directory), ("control_key", controlKey ?? "/"), ("socket", socket ?? "/"),
        ] where path.wholeMatch(of: /\/[a-zA-Z0-9\/._-]{0,200}/) == nil {
            throw PoolSettingsError("'\(field)' must be an absolute path of letters, digits, '.', '_' and '-'")
        }
        if let control, control.wholeMatch(of: /([a-z_][a-z0-9_-]*@)?[a-zA-Z0-9][a-zA-Z0-9.:-]{0,252}/) == nil {
            throw PoolSettingsError("'control' must be HOST or USER@HOST")
        }
    }

    package static let defaultPort = 3260

    /// Of `portal`. IPv6 addresses stand in brackets.
    package var peer: StoragePeer {
        get throws {
            guard let found = portal.wholeMatch(of: /([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::([0-9]{1,5}))?/),
                let port = found.2.map({ Int($0) }) ?? Self.defaultPort, (1...65_535).contains(port)
            else { throw PoolSettingsError("'portal' must be HOST or HOST:PORT, an IPv6 address in brackets") }
            return StoragePeer(host: String(found.1), port: port)
        }
    }
}
