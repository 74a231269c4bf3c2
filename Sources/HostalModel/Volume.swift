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
