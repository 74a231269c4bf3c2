package import HostalModel

/// What may be sold on a host: real sizes times whatever over-commitment the hoster chose.
package struct HostTotals: Sendable, Hashable {
    package var vcpus: Int
    package var memory: Mebibytes
    package var disk: Gibibytes
    package init(vcpus: Int, memory: Mebibytes, disk: Gibibytes) {
        self.vcpus = vcpus
        self.memory = memory
        self.disk = disk
    }
}

package struct HostSummary: Sendable {
    package var id: HostID
    package var name: String
    package var state: String
    package var total: HostTotals
    package var used: HostTotals
}

/// The KVM hosts and the networks that they carry.
package struct HostCatalog: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// Adds the host, or gives it new totals. PostgreSQL refuses totals below what is used.
    package func put(name: String, totals: HostTotals) async throws -> HostID {
        let rows = try await database.query(
            """
            insert into hostal.hosts (name, vcpus, memory_mib, disk_gib)
            values (\(name), \(totals.vcpus), \(totals.memory.count), \(totals.disk.count))
            on conflict (name) do update
               set vcpus = excluded.vcpus, memory_mib = excluded.memory_mib, disk_gib = excluded.disk_gib
            returning id
            """)
        guard let row = rows.first else { throw Unreadable(what: "host '\(name)'") }
        return try row.get(0)
    }

    /// Nil when no host has this name.
    package func find(name: String) async throws -> HostID? {
        try await database.query("select id from hostal.hosts where name = \(name)").first?.get(0)
    }

    package func list() async throws -> [HostSummary] {
        try await database.query(
            """
            select id, name, state, vcpus, memory_mib, disk_gib, used_vcpus, used_memory_mib, used_disk_gib from hostal.hosts order by name
            """
        ).map { row in
            HostSummary(
                id: try row.get(0), name: try row.get(1), state: try row.get(2),
                total: HostTotals(
                    vcpus: try row.get(3), memory: Mebibytes(try row.get(4)), disk: Gibibytes(try row.get(5))),
                used: HostTotals(vcpus: try row.get(6), memory: Mebibytes(try row.get(7)), disk: Gibibytes(try row.get(8))))
        }
    }

    /// Adds the network, or gives it another bridge and name servers, and has the host carry it.
    package func putNetwork(name: String, bridge: String, nameServers: [String], on host: HostID) async throws {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                insert into hostal.networks (name, bridge, name_servers) values (\(name), \(bridge), \(nameServers)::text[]::inet[])
                on conflict (name) do update set bridge = excluded.bridge, name_servers = excluded.name_servers
                returning id
                """)
            guard let network = try rows.first?.get(0, as: Int64.self) else { throw Unreadable(what: "network '\(name)'") }
            _ = try await transaction.query(
                "insert into hostal.host_networks (host_id, network_id) values (\(host), \(network)) on conflict do nothing")
        }
    }

    /// Adds addresses `first` to `last` of the subnet to the network: at most 65,536 at once, in the subnet, without the gateway.
    /// Those that are there stay as they are.
    package func addRange(network: String, subnet: String, gateway: String, first: String, last: String) async throws -> Int {
        try await database.transaction { transaction in
            let ranges = try await transaction.query(
                """
                insert into hostal.address_ranges (network_id, subnet, gateway)
                select id, \(subnet)::text::cidr, \(gateway)::text::inet from hostal.networks where name = \(network)
                on conflict (subnet) do update set gateway = excluded.gateway returning id
                """)
            guard let range = try ranges.first?.get(0, as: Int64.self) else { throw NoSuchNetwork(name: network) }
            let added = try await transaction.query(
                """
                insert into hostal.addresses (ip, range_id)
                select host(\(first)::text::inet + n)::inet, r.id
                  from hostal.address_ranges r,
                       generate_series(0, least(\(last)::text::inet - \(first)::text::inet, 65535)) n
                 where r.id = \(range) and (\(first)::text::inet + n) << r.subnet and host(\(first)::text::inet + n) <> host(r.gateway)
                on conflict (ip) do nothing returning ip
                """)
            return added.count
        }
    }
}

package struct NoSuchNetwork: Error, Sendable, CustomStringConvertible {
    package var name: String
    package var description: String { "there is no network '\(name)'" }
}
