/// A disk of a server. `generation` counts its reinstalls: the first disk is generation 1.
package struct VolumeName: Hashable, Sendable, Codable, CustomStringConvertible {
    package let guest: GuestID
    package let generation: Int
    package init(guest: GuestID, generation: Int) {
        self.guest = guest
        self.generation = generation
    }
    /// Unique over all servers, safe as a file name: `3f2a…-1`.
    package var description: String { "\(guest)-\(generation)" }
}

/// A moment of a volume that its pool keeps, for the order that asked for it.
package struct SnapshotName: Hashable, Sendable, Codable, CustomStringConvertible {
    package let order: OrderID
    package init(order: OrderID) { self.order = order }
    /// Unique among the volume's.
    package var description: String { "hostal-\(order)" }
}

/// A TCP service of a storage server.
package struct StoragePeer: Hashable, Sendable, Codable {
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// Where a guest's QEMU finds the bytes of a disk. Without secrets: rows and definitions hold it.
package enum VolumeSource: Hashable, Sendable, Codable {
    /// By its absolute path: on a file system of the host, or one that it has mounted.
    case file(path: String)
    /// By QEMU's own NFS client; `path` starts with the export.
    case nfs(server: String, path: String, user: Int, group: Int)
    /// By QEMU's own initiator. `secret` names a `StorageSecret`, here and below.
    case iscsi(portal: StoragePeer, target: String, lun: Int, initiator: String, user: String, secret: String)
    /// `monitors` speak the older messenger protocol: QEMU's library is as old as the host.
    case rbd(monitors: [StoragePeer], pool: String, image: String, user: String, secret: String)

    /// The path of a file; nil for everything else.
    package var file: String? { if case .file(let path) = self { path } else { nil } }
}

/// A volume as its pool made it: everything that libvirt must be told, so that nobody ever probes a header that a guest wrote.
package struct Volume: Hashable, Sendable, Codable {
    package var name: VolumeName
    package var pool: PoolName
    package var source: VolumeSource
    package var format: DiskFormat
    /// What the guest sees, in bytes.
    package var size: Int64
    /// What a copy-on-write clone reads that it has not written; nil for a disk that stands on its own.
    package var backing: VolumeBacking?

    package init(
        name: VolumeName, pool: PoolName, source: VolumeSource, format: DiskFormat, size: Int64, backing: VolumeBacking?
    ) {
        self.name = name
        self.pool = pool
        self.source = source
        self.format = format
        self.size = size
        self.backing = backing
    }
}

/// The base of a copy-on-write clone. Its own backing chain is empty.
package struct VolumeBacking: Hashable, Sendable, Codable {
    package var source: VolumeSource
    package var format: DiskFormat

    package init(source: VolumeSource, format: DiskFormat) {
        self.source = source
        self.format = format
    }
}

/// A server's disk with the seed that was written for it: what a definition needs to attach both, as `hostal.volumes.disk` keeps it.
package struct ServerDisk: Hashable, Sendable, Codable {
    package var volume: Volume
    package var seedPath: String
    /// Of that seed: reports of guests that run from this disk carry it.
    package var instanceID: String

    package init(volume: Volume, seedPath: String, instanceID: String) {
        self.volume = volume
        self.seedPath = seedPath
        self.instanceID = instanceID
    }

    package var generation: Int { volume.name.generation }

    /// The names in the database's JSON.
    package enum CodingKeys: String, CodingKey {
        case volume
        case seedPath = "seed_path"
        case instanceID = "instance_id"
    }
}
