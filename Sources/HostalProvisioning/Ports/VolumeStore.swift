package import HostalModel

/// Disks of one pool. Every call is idempotent and throws a `Failure`. Two calls for one volume at once never see half of it: a volume
/// appears whole (made under another name and renamed) or not at all.
package protocol VolumeStore: Sendable {
    /// A volume with the image's content, `size` bytes long. One that exists with this name is returned as it is if its size and backing
    /// are right; what a dead clone left behind is removed first. Refuses a size below the image's (`invalidInput`, both sizes named)
    /// and a pool without room (`storageFull`).
    func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes) async throws -> Volume

    /// Makes the volume `size` long and returns it as it is then; a volume of that size is left alone. Refuses a smaller size (`invalidInput`),
    /// and a file that is not the volume as it was recorded. No guest may be running from it. There is no way back.
    func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume

    /// What a guest would see, in bytes: differs from what is recorded when a worker died while growing it.
    func size(of volume: Volume) async throws -> Int64

    /// Destroys the volume and every partial copy of it. Absent is success.
    func remove(_ volume: VolumeName) async throws

    /// Files or devices of this guest's volumes that are still there, of any generation, whole or partial.
    func remains(of guest: GuestID) async throws -> [String]
}
