package import HostalModel
package import HostalProvisioning

/// Addresses in PostgreSQL: each row is one address, so two servers can never hold the same.
package struct AddressStore: AddressBook {
    let database: Database
    let quarantine: Duration

    /// `quarantine`: how long an address rests after its release.
    package init(database: Database, quarantine: Duration) {
        self.database = database
        self.quarantine = quarantine
    }

    package func assign(to server: ServerID, on host: HostID, lease: Lease) async throws -> AddressAssignment {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            if let held = try await assignment(of: server, transaction) { return held }
            for family in [4, 6] {
                let given = try await transaction.query(
                    """
                    update hostal.addresses set state = 'assigned', server_id = \(server), free_after = null
                     where ip = (
                        select a.ip from hostal.addresses a
                          join hostal.address_ranges r on r.id = a.range_id
                          join hostal.host_networks n on n.network_id = r.network_id and n.host_id = \(host)
                         where family(a.ip) = \(family) and (a.state = 'free' or (a.state = 'quarantined' and a.free_after < now()))
                           -- both addresses of one network
                           and n.network_id = coalesce(
                               (select r2.network_id from hostal.addresses b join hostal.address_ranges r2 on r2.id = b.range_id
                                 where b.server_id = \(server) limit 1), n.network_id)
                         order by n.network_id, a.free_after nulls first, a.ip limit 1 for update of a skip locked)
                    returning ip::text
                    """)
                guard !given.isEmpty else {
                    throw Failure(
                        .permanent, .resourceUnavailable, "cannot give the server an address: no IPv\(family) address is free")
                }
            }
            guard let assigned = try await assignment(of: server, transaction) else {
                throw Failure(.needsOperator, .serviceError, "cannot give the server an address: internal error")
            }
            return assigned
        }
    }

    package func held(by server: ServerID) async throws -> AddressAssignment? {
        try await database.transaction { try await assignment(of: server, $0) }
    }

    package func release(from server: ServerID, lease: Lease) async throws {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            _ = try await transaction.query(
                """
                update hostal.addresses set state = 'quarantined', server_id = null, free_after = now() + \(quarantine)
                 where server_id = \(server)
                """)
        }
    }

    private func assignment(of server: ServerID, _ transaction: Transaction) async throws -> AddressAssignment? {
        let rows = try await transaction.query(
            """
            select family(a.ip), host(a.ip), masklen(r.subnet), host(r.gateway), n.bridge,
                   array(select host(s) from unnest(n.name_servers) s)
              from hostal.addresses a
              join hostal.address_ranges r on r.id = a.range_id
              join hostal.networks n on n.id = r.network_id
             where a.server_id = \(server) order by family(a.ip)
            """)
        guard let first = rows.first else { return nil }
        return AddressAssignment(
            bridge: try first.get(4),
            addresses: try rows.map { row in
                AssignedAddress(
                    family: try row.get(0, as: Int.self) == 4 ? .v4 : .v6, ip: try row.get(1), prefixLength: try row.get(2),
                    gateway: try row.get(3))
            },
            nameServers: try first.get(5))
    }
}
