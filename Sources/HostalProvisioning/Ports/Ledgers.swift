package import HostalModel

/// Room on hosts, kept in the database so that no two orders get the same.
package protocol CapacityLedger: Sendable {
    /// Gives the server room for its plan on a host that accepts servers, in one transaction; a server that has room keeps it.
    /// Throws a permanent `resourceUnavailable` when no host has room.
    func reserve(for server: ServerID, plan: Plan) async throws -> HostID
    /// None held is success.
    func release(for server: ServerID) async throws
}

/// Addresses, unique in the database.
package protocol AddressBook: Sendable {
    /// One IPv4 and one IPv6 address of a pool that the host's bridges carry; a server that has addresses keeps them.
    /// Throws a permanent `resourceUnavailable` that names the family when the pool is exhausted.
    func assign(to server: ServerID, on host: HostID) async throws -> AddressAssignment
    /// Puts the server's addresses into quarantine. `cooling` seconds pass before another server may get them. None held is success.
    func release(from server: ServerID) async throws
    /// What the server holds now, nil when nothing.
    func assignment(of server: ServerID) async throws -> AddressAssignment?
}
