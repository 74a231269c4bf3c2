package import HostalModel

/// Room on hosts, kept in the database so that no two orders get the same. Every change is refused with `LeaseLost` unless the lease is
/// still this worker's, in the transaction that makes it.
package protocol CapacityLedger: Sendable {
    /// Gives the server room for its plan on a host that accepts servers, in one transaction; a server that has room keeps it.
    /// Throws a permanent `resourceUnavailable` when no host has room.
    func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> HostID
    /// None held is success.
    func release(for server: ServerID, lease: Lease) async throws
}

/// Addresses, unique in the database. Leases as with `CapacityLedger`.
package protocol AddressBook: Sendable {
    /// One IPv4 and one IPv6 address of one network that the host carries; a server that has addresses keeps them.
    /// Throws a permanent `resourceUnavailable` that names the family when none is left.
    func assign(to server: ServerID, on host: HostID, lease: Lease) async throws -> AddressAssignment
    /// Puts the server's addresses into quarantine: a time passes before another server may get them. None held is success.
    func release(from server: ServerID, lease: Lease) async throws
}
