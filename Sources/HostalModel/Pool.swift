/// A pool's name, unique over all hosts: what disks and rows name it by.
package struct PoolName: Hashable, Sendable, Codable, CustomStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }
    package var description: String { text }
    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// Where the disks of a pool lie. docs/storage.md says what each kind can do.
package enum PoolKind: String, Sendable, Codable, Hashable, CaseIterable {
    /// A directory of the host.
    case local
    /// An NFS export: mounted by the host, or reached by QEMU itself.
    case nfs
    /// One LUN for each disk, reached by QEMU's initiator.
    case iscsi
    /// Images in a Ceph pool.
    case rbd
}

/// A pool as the database knows it. `settings` belong to the kind: its adapter reads them.
package struct Pool: Hashable, Sendable {
    package var name: PoolName
    package var kind: PoolKind
    /// What plans ask for: `local`, `fast`, …
    package var storageClass: String
    /// A JSON object, without secrets: those are in files on the hosts, which it names.
    package var settings: String

    package init(name: PoolName, kind: PoolKind, storageClass: String, settings: String) {
        self.name = name
        self.kind = kind
        self.storageClass = storageClass
        self.settings = settings
    }
}

/// Where a server was placed.
package struct Placement: Hashable, Sendable, Codable {
    package var host: HostID
    package var pool: PoolName

    package init(host: HostID, pool: PoolName) {
        self.host = host
        self.pool = pool
    }
}
