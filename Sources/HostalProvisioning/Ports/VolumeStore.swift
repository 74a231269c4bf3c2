package import HostalModel

/// Disks of one pool. Every call is idempotent and throws a `Failure`. Two calls for one volume at once never see half of it: a volume
/// appears whole (made under another name and renamed) or not at all.
package protocol VolumeStore: Sendable {
    /// A volume with the image's content, `size` bytes long. One that exists with this name is returned as it is if its size and backing
    /// are right; what a dead clone left behind is removed first. Refuses a size below the image's (`invalidInput`, both sizes named)
    /// and a pool without room (`storageFull`).
    func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes) async throws -> Volume

    /// Destroys the volume and every partial copy of it. Absent is success.
    func remove(_ volume: VolumeName) async throws

    /// Files or devices of this guest's volumes that are still there, of any generation, whole or partial.
    func remains(of guest: GuestID) async throws -> [String]
}
