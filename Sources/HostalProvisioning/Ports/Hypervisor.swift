package import HostalModel

/// What a guest is made of. The adapter turns it into libvirt's XML as a document, never by pasting text.
package struct GuestDefinition: Hashable, Sendable, Codable {
    package var names: GuestNamesRecord
    package var vcpus: Int
    package var memory: Mebibytes
    package var root: Volume
    /// The seed: a read-only CD-ROM.
    package var seedPath: String
    package var mac: MACAddress
    package var bridge: String
    package var tap: String
    package var order: OrderID
    /// The lease epoch of the job that defines it, stamped into `<metadata>`: an older worker is refused.
    package var epoch: Int64

    package init(
        names: GuestNamesRecord, vcpus: Int, memory: Mebibytes, root: Volume, seedPath: String, mac: MACAddress, bridge: String,
        tap: String, order: OrderID, epoch: Int64
    ) {
        self.names = names
        self.vcpus = vcpus
        self.memory = memory
        self.root = root
        self.seedPath = seedPath
        self.mac = mac
        self.bridge = bridge
        self.tap = tap
        self.order = order
        self.epoch = epoch
    }
}

/// The identity of a guest as it is written into its definition.
package struct GuestNamesRecord: Hashable, Sendable, Codable {
    package var guest: GuestID
    package var server: ServerID
    package var domain: String

    package init(_ names: GuestNames) {
        guest = names.guest
        server = names.server
        domain = names.domain
    }
}

/// The processors and the memory of a guest.
package struct GuestSize: Hashable, Sendable, Codable {
    package var vcpus: Int
    package var memory: Mebibytes

    package init(vcpus: Int, memory: Mebibytes) {
        self.vcpus = vcpus
        self.memory = memory
    }

    package init(_ plan: Plan) { self.init(vcpus: plan.vcpus, memory: plan.memory) }

    /// In both dimensions.
    package func fits(in other: GuestSize) -> Bool { vcpus <= other.vcpus && memory <= other.memory }
}

/// What a guest that runs has, and what it can be given without a restart.
package struct GuestRoom: Hashable, Sendable {
    package var now: GuestSize
    package var most: GuestSize
    /// Memory is added in multiples of this.
    package var memoryUnit: Mebibytes

    package init(now: GuestSize, most: GuestSize, memoryUnit: Mebibytes) {
        self.now = now
        self.most = most
        self.memoryUnit = memoryUnit
    }

    package func holds(_ size: GuestSize) -> Bool {
        now.fits(in: size) && size.fits(in: most) && (size.memory.count - now.memory.count) % memoryUnit.count == 0
    }
}

package enum GuestState: String, Sendable, Codable {
    /// libvirt knows no such guest. Never said when libvirt could not be asked: that throws.
    case absent
    case off
    /// Running, paused or shutting down: a QEMU process exists.
    case active
}

/// Guests on one host. Every call is idempotent, finds the guest by its UUID, and throws a `Failure`: temporary when libvirt cannot
/// be reached, permanent when it refuses. Safe to call from many tasks at once. Needs access to libvirt's system socket.
package protocol Hypervisor: Sendable {
    /// Makes the guest known to libvirt, exactly so; an equal definition is left alone, another one of ours is replaced (its epoch must
    /// not be newer). Throws `needsOperator` when the UUID or the name belongs to a domain that is not this server's.
    /// `secret` is what its disks need: libvirt keeps it where only root reads, and forgets a guest's own with the guest.
    func define(_ guest: GuestDefinition, secret: StorageSecret?) async throws

    /// The hypervisor hands this value to guests that are started from now on.
    func keep(_ secret: StorageSecret) async throws

    /// Forgets the guest, with its NVRAM and saved state. Powers it off first if it runs. An absent guest is success.
    /// Throws `needsOperator` when the domain with this UUID is not this server's.
    func undefine(_ guest: GuestID, server: ServerID) async throws

    /// Powers the guest on. A running guest is success.
    func start(_ guest: GuestID, server: ServerID) async throws

    /// Cuts the power. A guest that is off or absent is success.
    func stop(_ guest: GuestID, server: ServerID) async throws

    /// Presses the power button, and does not wait for what the guest makes of it. A guest that is off or absent is success.
    func shutDown(_ guest: GuestID, server: ServerID) async throws

    /// Resets the guest as its reset button would. One that is off is started.
    func reset(_ guest: GuestID, server: ServerID) async throws

    /// Has the guest's agent set root's password to this hash (crypt(3)). False when no agent answers: it may be starting. Throws a permanent
    /// `guestDidNotAnswer` when the guest is off or its agent refuses.
    func setPassword(_ hash: String, of guest: GuestID, server: ServerID) async throws -> Bool

    /// What a guest that runs can be given; nil when it does not run.
    func room(of guest: GuestID) async throws -> GuestRoom?

    /// Gives a guest that runs memory or vCPUs up to `size`, in this run alone; what it has beyond is left. Nothing is ever taken away: that
    /// needs the guest's consent, and under emulation a vCPU that is unplugged ends QEMU later. A guest that does not run is left alone.
    func add(upTo size: GuestSize, to guest: GuestID, server: ServerID) async throws

    /// Makes the root disk of a guest that runs `size` long, and never shorter: one that is longer is refused (`invalidInput`). False when the
    /// guest does not run. There is no way back.
    func growDisk(of guest: GuestID, server: ServerID, to size: Gibibytes) async throws -> Bool

    /// Has the guest's agent flush its file systems and hold back writes until `thaw`. False when that cannot be had: the guest is off, no
    /// agent answers, or it refuses; a copy is then as after a power cut. An agent that was too slow to answer may freeze the guest later. Whoever
    /// dies in between leaves the guest standing: the next must thaw.
    func freeze(_ guest: GuestID, server: ServerID) async throws -> Bool

    /// True when the guest's agent has answered, or nothing is to be thawed: the guest is off, absent or without an agent. False when an agent
    /// is there and does not answer: what it was asked for earlier may still happen.
    func thaw(_ guest: GuestID, server: ServerID) async throws -> Bool

    /// Writes the root disk of a guest that runs, as it is when `whenBegun` is called, to a new file on this host: qcow2, standing on its own,
    /// root's, mode 0600. An earlier file there is replaced. The guest writes on meanwhile; `freeze` need only last until `whenBegun`, which is
    /// called at most once.
    ///
    /// False when the guest does not run, or went off meanwhile. A copy that a dead worker began is ended first. A task that is cancelled ends
    /// the copy within seconds. What throws or is false leaves no file; what a killed worker leaves is called
    /// `path` with `.part-…` after it. QEMU writes the file: the user that it runs as must be able to enter each directory above it. The guest
    /// waits for writes to it, and stands still where they find no room: refused, `storageFull`, while less than 1 GiB is left there.
    func copyDisk(
        of guest: GuestID, server: ServerID, to path: String, whenBegun: @escaping @Sendable () async -> Void,
        report: @escaping CopyReport
    ) async throws -> Bool

    /// Copies into the root disk of a guest that runs what it reads from its image, no faster than this, so that it stands on its own; one that
    /// does already is left alone. False when the guest does not run, or went off meanwhile.
    ///
    /// It takes room in the pool, as much as the image has bytes: `VolumeStore.flatteningInUse` has looked for it. Goes on with what a dead worker began. Cancelled or
    /// killed half way the disk stays whole, and needs its image as before. A definition that names the image afterwards does no harm.
    func flattenDisk(
        of guest: GuestID, server: ServerID, mebibytesPerSecond: Int, report: @escaping CopyReport
    ) async throws -> Bool

    /// Ends what `copyDisk` or `flattenDisk` of a dead worker are still doing, and returns when it is over. None is success, and so is a guest
    /// that is off or absent. The file of a copy is the caller's to remove.
    func endCopies(of guest: GuestID, server: ServerID) async throws

    func state(of guest: GuestID) async throws -> GuestState

    /// Every guest on this host that has power, ours or not, in one question.
    func activeGuests() async throws -> Set<GuestID>

    /// The newest report that carries this instance id; nil while there is none, or when it is of the boot `known`. Reads at most 64 KiB.
    func report(of guest: GuestID, instanceID: String, besides known: String?) async throws -> GuestReport?

    /// Removes what the report channel left on the host. Absent is success.
    func discardReports(of guest: GuestID) async throws

    /// Whatever of this guest is still on the host: `domain`, `report`, …; empty when it is gone without a trace.
    func remains(of guest: GuestID) async throws -> [String]
}

extension Hypervisor {
    package func define(_ guest: GuestDefinition) async throws { try await define(guest, secret: nil) }

    /// The newest report that carries this instance id, of whatever boot.
    package func report(of guest: GuestID, instanceID: String) async throws -> GuestReport? {
        try await report(of: guest, instanceID: instanceID, besides: nil)
    }
}
