package import HostalModel

/// Disks of one pool. Every call is idempotent and throws a `Failure`. Two calls for one volume at once never see half of it: a volume
/// appears whole (made under another name and renamed, or marked when it is whole) or not at all.
package protocol VolumeStore: Sendable {
    /// A volume with the image's content, `size` bytes long, that reads zeroes beyond it. One that exists with this name is returned as it is
    /// if its size and backing are right; what a dead clone left behind is removed first. Refuses a size below the image's (`invalidInput`,
    /// both sizes named) and a pool without room (`storageFull`). A task that is cancelled ends a long copy within seconds, and leaves nothing
    /// of it.
    func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes, report: @escaping CopyReport) async throws -> Volume

    /// Makes the volume `size` long and returns it as it is then; a volume of that size is left alone. Refuses a smaller size (`invalidInput`),
    /// and what is not the volume as it was recorded. No guest may be running from it. There is no way back.
    func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume

    /// What a guest would see, in bytes: differs from what is recorded when a worker died while growing it.
    func size(of volume: Volume) async throws -> Int64

    /// Destroys the volume and every partial copy of it, so that nobody reads its bytes again. Absent is success.
    func remove(_ volume: VolumeName) async throws

    /// Files, LUNs or images of this guest's volumes that are still there, of any generation, whole or partial.
    func remains(of guest: GuestID) async throws -> [String]

    /// What QEMU needs to open this guest's disks; nil where nothing is asked for.
    func secret(of guest: GuestID) async throws -> StorageSecret?

    /// This host's QEMU can open the volume when this returns, and no other host's can. Called before each start of its guest;
    /// a guest that runs from it goes on.
    func publish(_ volume: Volume) async throws

    /// Publishes again what this host has published and the storage server has forgotten. Called every few seconds.
    func restore() async throws

    /// Whether QEMU can make the disk of a guest that runs larger by itself, without the pool being asked.
    var growsWhileRunning: Bool { get }

    /// What there is and what is free, as the storage itself counts.
    func space() async throws -> PoolSpace

    /// Whether the storage itself can keep a moment of a volume that a guest is writing to.
    var takesSnapshots: Bool { get }

    /// Keeps the volume as it is now under this name until that is removed; what the guest has not flushed is not in it. One of this name is
    /// left as it is. Only where `takesSnapshots`; throws a permanent `serviceError` elsewhere.
    func snapshot(_ volume: Volume, as name: SnapshotName) async throws

    /// Absent is success.
    func remove(_ snapshot: SnapshotName, of volume: Volume) async throws

    /// Writes what a guest would see of the volume, or of a snapshot of it, to a new file on this host: qcow2, standing on its own, mode 0600.
    /// An earlier file there is replaced. Without a snapshot no guest may be running from the volume. The format is the recorded one: what a
    /// guest wrote is data. A task that is cancelled ends the copy within seconds; what throws leaves no file.
    func export(_ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport) async throws

    /// How the volume is flattened while a guest runs from it. Throws a permanent `storageFull` where the hypervisor would do it, and the pool
    /// has no room for as much as the image has bytes.
    func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse

    /// Makes the volume stand on its own, with the same content, and returns it as it is then; one that does already is left alone. No guest
    /// may be running from it, unless `flatteningInUse` is `pool`. Cancelled or killed half way it stays whole, and needs its image as before.
    func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume

    /// Removes the pool's own copy of an image. Absent is success, and so is an image that is the host's own. Throws `imageNeeded` for one that a
    /// volume still needs, whoever's it is, where the storage can tell. Callers make sure that none does.
    func removeImage(_ digest: Digest) async throws
}

extension VolumeStore {
    package func clone(_ image: StoredImage, to volume: VolumeName, size: Gibibytes) async throws -> Volume {
        try await clone(image, to: volume, size: size, report: { _ in })
    }
    package var growsWhileRunning: Bool { true }
    package func secret(of guest: GuestID) async throws -> StorageSecret? { nil }
    package func publish(_ volume: Volume) async throws {}
    package func restore() async throws {}
    package var takesSnapshots: Bool { false }
    package func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse { .pool }
    package func snapshot(_ volume: Volume, as name: SnapshotName) async throws { throw Failure.takesNoSnapshots }
    package func remove(_ snapshot: SnapshotName, of volume: Volume) async throws {}
}

extension Failure {
    package static let takesNoSnapshots = Failure(
        .permanent, .serviceError, "cannot keep a moment of the disk: its disk pool takes no snapshots")

    private static let imageNeededMessage = "cannot remove the image: disks still need it"

    /// Disks are built on the image; `detail` names some.
    package static func imageNeeded(_ detail: String) -> Failure {
        Failure(.temporary, .serviceError, imageNeededMessage, detail: detail)
    }
    package var isImageNeeded: Bool { message == Self.imageNeededMessage }
}

/// Told how far a long copy has come, in words that follow "waiting for": `the copy of the disk, 45 % done`. Called as often as the copy
/// likes, from any thread: brief, and never blocking.
package typealias CopyReport = @Sendable (String) -> Void

/// What a guest that runs leaves of ways to flatten its disk.
package enum FlatteningInUse: Sendable {
    /// The pool does it, or there is nothing to do.
    case pool
    /// QEMU does it: `Hypervisor.flattenDisk`.
    case hypervisor
    /// Not before the guest is off.
    case no
}

/// In bytes.
package struct PoolSpace: Hashable, Sendable {
    package var total: Int64
    package var available: Int64

    package init(total: Int64, available: Int64) {
        self.total = total
        self.available = available
    }
}

/// The pools that a host reaches.
package protocol VolumePools: Sendable {
    /// Throws a temporary `serviceError` for a pool that this host does not reach, or not yet.
    func store(of pool: PoolName) async throws -> any VolumeStore

    /// All of them, whether their storage answers or not.
    func reached() async throws -> Set<PoolName>
}

/// A password or key that libvirt hands to QEMU, without it ever being in a definition, an argument or a log.
package struct StorageSecret: Hashable, Sendable, CustomStringConvertible {
    package enum Usage: String, Sendable {
        /// One for each guest, and gone with it.
        case iscsi
        /// One for each pool, and kept.
        case ceph
    }
    package var usage: Usage
    /// What definitions name it by; unique among secrets of this usage.
    package var name: String
    package var value: [UInt8]

    package init(usage: Usage, name: String, value: [UInt8]) {
        self.usage = usage
        self.name = name
        self.value = value
    }

    package var description: String { "secret \(usage.rawValue)/\(name)" }

    /// The name of a guest's own secret.
    package static func name(of guest: GuestID) -> String { "hostal-\(guest)" }
}
