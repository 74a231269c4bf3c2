package import HostalModel

/// An amount of a host's room. Never negative.
package struct Room: Hashable, Sendable {
    package var vcpus: Int
    package var memory: Mebibytes
    package var disk: Gibibytes

    package init(vcpus: Int = 0, memory: Mebibytes = Mebibytes(0), disk: Gibibytes = Gibibytes(0)) {
        self.vcpus = vcpus
        self.memory = memory
        self.disk = disk
    }
}

/// What a server holds room for, besides its plan.
package enum RoomRole: Hashable, Sendable, CustomStringConvertible {
    /// A disk beside the active one.
    case disk(generation: Int)
    /// What a resize will need.
    case growth

    package var description: String {
        switch self {
        case .disk(let generation): "disk-\(generation)"
        case .growth: "resize"
        }
    }
}

/// Room on hosts, kept in the database so that no two orders get the same. Every change is refused with `LeaseLost` unless the lease is
/// still this worker's, in the transaction that makes it.
package protocol CapacityLedger: Sendable {
    /// Gives the server room for its plan on a host that accepts servers and in a pool that the host reaches, of the plan's storage class and
    /// accepting disks, in one transaction; a server that has room keeps it. Throws a permanent `resourceUnavailable` when there is none.
    func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> Placement
    /// Gives the server more room on its own host and in its own pool, whatever their states; what it holds in this role it keeps. Throws a
    /// permanent `resourceUnavailable` when there is too little.
    func reserve(_ room: Room, as role: RoomRole, for server: ServerID, on host: HostID, lease: Lease) async throws
    /// None held is success.
    func release(_ role: RoomRole, of server: ServerID, lease: Lease) async throws
    /// Everything that the server holds. None held is success.
    func release(for server: ServerID, lease: Lease) async throws
    /// Everything but the room of its disks.
    func releaseAllButDisks(of server: ServerID, lease: Lease) async throws
    /// Has the database say what is true of a disk that has grown: its size, the plan's where it is the active one, and the room that was
    /// reserved for it. A disk recorded as that large or larger is left alone.
    func recordGrowth(of volume: VolumeName, to size: Gibibytes, for server: ServerID, lease: Lease) async throws
}

/// Addresses, unique in the database. Leases as with `CapacityLedger`.
package protocol AddressBook: Sendable {
    /// One IPv4 and one IPv6 address of one network that the host carries; a server that has addresses keeps them.
    /// Throws a permanent `resourceUnavailable` that names the family when none is left.
    func assign(to server: ServerID, on host: HostID, lease: Lease) async throws -> AddressAssignment
    /// What the server has; nil when it has none.
    func held(by server: ServerID) async throws -> AddressAssignment?
    /// Puts the server's addresses into quarantine: a time passes before another server may get them. None held is success.
    func release(from server: ServerID, lease: Lease) async throws
}
