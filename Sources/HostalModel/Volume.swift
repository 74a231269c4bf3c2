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

/// A volume as it lies on a host: everything that libvirt must be told, so that nobody ever probes a header that a guest wrote.
package struct Volume: Hashable, Sendable, Codable {
    package var name: VolumeName
    package var path: String
    package var format: DiskFormat
    /// What the guest sees, in bytes.
    package var size: Int64
    /// The file below, for a copy-on-write clone; nil for a full copy. Its own backing chain is empty.
    package var backing: StoredImage?

    package init(name: VolumeName, path: String, format: DiskFormat, size: Int64, backing: StoredImage?) {
        self.name = name
        self.path = path
        self.format = format
        self.size = size
        self.backing = backing
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
