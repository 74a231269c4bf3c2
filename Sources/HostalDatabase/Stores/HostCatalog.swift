package import HostalModel

/// What may be sold on a host, with its own disks: real sizes times whatever over-commitment the hoster chose.
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
    /// Its location's name.
    package var location: String
    package var total: HostTotals
    package var used: HostTotals
}

/// The KVM hosts and the networks that they carry.
package struct HostCatalog: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// Adds the host with a pool of its own disks, `local-<name>`, or gives both new totals. PostgreSQL refuses totals below what is used. Without
    /// a location a new host stands in the first one, and another stays where it is. Throws `NoSuchLocation`.
    package func put(name: String, totals: HostTotals, location: String? = nil) async throws -> HostID {
        var place: Int64?
        if let location {
            place = try await database.query("select id from hostal.locations where name = \(location)").first?.get(0)
            guard place != nil else { throw NoSuchLocation(name: location) }
        }
        let rows = try await database.query(
            """
            with host as (
                insert into hostal.hosts (name, vcpus, memory_mib, location_id)
                values (\(name), \(totals.vcpus), \(totals.memory.count),
                        coalesce(\(orNull: place), (select min(id) from hostal.locations)))
                on conflict (name) do update
                   set vcpus = excluded.vcpus, memory_mib = excluded.memory_mib,
                       location_id = coalesce(\(orNull: place), hosts.location_id)
                returning id),
            pool as (
                insert into hostal.pools (name, kind, class, capacity_gib)
                values (\("local-\(name)"), 'local', \(Plan.defaultStorage), \(totals.disk.count))
                on conflict (name) do update set capacity_gib = excluded.capacity_gib returning id),
            reach as (
                insert into hostal.host_pools (host_id, pool_id) select host.id, pool.id from host, pool on conflict do nothing)
            select id from host
            """)
        guard let row = rows.first else { throw Unreadable(what: "host '\(name)'") }
        return try row.get(0)
    }

    /// Nil when no host has this name.
    package func find(name: String) async throws -> HostID? {
        try await database.query("select id from hostal.hosts where name = \(name)").first?.get(0)
    }

    /// Says where the host's libvirt is reached from elsewhere; nil forgets it. False when no host has this name. Throws 23514 for what
    /// is no address.
    package func setLibvirtURI(_ uri: String?, of name: String) async throws -> Bool {
        try await !database.query(
            "update hostal.hosts set libvirt_uri = \(orNull: uri) where name = \(name) returning id"
        ).isEmpty
    }

    package func list() async throws -> [HostSummary] {
        try await database.query(
            """
            select h.id, h.name, h.state, vcpus, memory_mib, coalesce(d.total, 0), used_vcpus, used_memory_mib, coalesce(d.used, 0), l.name
              from hostal.hosts h join hostal.locations l on l.id = h.location_id
              left join (select hp.host_id, sum(p.sellable_gib)::bigint as total, sum(p.used_gib)::bigint as used
                           from hostal.host_pools hp join hostal.pools p on p.id = hp.pool_id where p.kind = 'local' group by hp.host_id) d
                on d.host_id = h.id
             order by h.name
            """
        ).map { row in
            HostSummary(
                id: try row.get(0), name: try row.get(1), state: try row.get(2), location: try row.get(9),
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

package struct NoSuchLocation: Error, Sendable, CustomStringConvertible {
    package var name: String
    package var description: String { "there is no location '\(name)'" }
}

package struct NoSuchNetwork: Error, Sendable, CustomStringConvertible {
    package var name: String
    package var description: String { "there is no network '\(name)'" }
}
