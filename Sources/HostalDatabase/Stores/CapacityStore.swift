package import HostalModel
package import HostalProvisioning

/// Room on hosts and in pools: what a server holds are its allocations, and the database counts them.
package struct CapacityStore: CapacityLedger {
    let database: Database

    package init(database: Database) { self.database = database }

    package func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> Placement {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            let held = try await transaction.query(
                """
                select a.host_id, p.name from hostal.allocations a join hostal.pools p on p.id = a.pool_id
                 where a.server_id = \(server) and a.role = 'home'
                """)
            if let row = held.first { return Placement(host: try row.get(0), pool: PoolName(try row.get(1))) }
            // Locked in the order of their ids, hosts before pools, so that two placements never wait for each other crosswise.
            let hosts = try await transaction.query(
                """
                select id from hostal.hosts h
                 where state = 'accepting' and used_vcpus + \(plan.vcpus) <= vcpus
                   and used_memory_mib + \(plan.memory.count) <= memory_mib
                   and exists (select from hostal.host_networks n where n.host_id = h.id)
                   and location_id = coalesce((select s.location_id from hostal.servers s where s.id = \(server)), location_id)
                   and exists (select from hostal.host_pools hp join hostal.pools p on p.id = hp.pool_id
                                where hp.host_id = h.id and p.class = \(plan.storage) and p.state = 'accepting')
                 order by id for no key update
                """
            ).map { try $0.get(0, as: HostID.self).value }
            _ = try await transaction.query(
                """
                select id from hostal.pools where class = \(plan.storage) and state = 'accepting' order by id for no key update
                """)
            let places = try await transaction.query(
                """
                select h.id, p.id, p.name from hostal.hosts h
                  join hostal.host_pools hp on hp.host_id = h.id join hostal.pools p on p.id = hp.pool_id
                 where h.id = any(\(hosts)) and p.class = \(plan.storage) and p.state = 'accepting'
                   and p.used_gib + \(plan.disk.count) <= p.sellable_gib
                 order by h.used_memory_mib::float / greatest(h.memory_mib, 1), h.id,
                          p.used_gib::float / greatest(p.sellable_gib, 1), p.id
                 limit 1
                """)
            guard let place = places.first else {
                let location = try await transaction.query(
                    "select l.name from hostal.locations l join hostal.servers s on s.location_id = l.id where s.id = \(server)"
                ).first?.get(0, as: String.self)
                throw Failure(
                    .permanent, .resourceUnavailable,
                    "cannot place the server: no host\(location.map { " in location '\($0)'" } ?? "") has \(plan.vcpus) vCPUs, \(plan.memory) of memory and \(plan.disk) of \(plan.storage) disk free"
                )
            }
            _ = try await transaction.query(
                """
                insert into hostal.allocations (server_id, host_id, pool_id, vcpus, memory_mib, disk_gib)
                values (\(server), \(try place.get(0, as: HostID.self)), \(try place.get(1, as: Int64.self)), \(plan.vcpus),
                        \(plan.memory.count), \(plan.disk.count))
                """)
            return Placement(host: try place.get(0), pool: PoolName(try place.get(2)))
        }
    }

    package func reserve(_ room: Room, as role: RoomRole, for server: ServerID, on host: HostID, lease: Lease) async throws {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            let held = try await transaction.query(
                "select host_id from hostal.allocations where server_id = \(server) and role = \("\(role)")")
            guard held.isEmpty else { return }
            let taken = try await transaction.query(
                """
                with host as materialized (
                    select id from hostal.hosts
                     where id = \(host) and used_vcpus + \(room.vcpus) <= vcpus
                       and used_memory_mib + \(room.memory.count) <= memory_mib for no key update),
                pool as materialized (
                    select p.id from hostal.pools p, host
                     where p.id = (select a.pool_id from hostal.allocations a where a.server_id = \(server) and a.role = 'home')
                       and p.used_gib + \(room.disk.count) <= p.sellable_gib for no key update of p)
                insert into hostal.allocations (server_id, role, host_id, pool_id, vcpus, memory_mib, disk_gib)
                select \(server), \("\(role)"), host.id, pool.id, \(room.vcpus), \(room.memory.count), \(room.disk.count)
                  from host, pool returning host_id
                """)
            guard !taken.isEmpty else {
                throw Failure(
                    .permanent, .resourceUnavailable, "cannot give the server more room: its host has not \(room.inWords) free")
            }
        }
    }

    package func release(_ role: RoomRole, of server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.drop(role) }
    }

    package func release(for server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.dropAll() }
    }

    package func releaseAllButDisks(of server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.dropAllButDisks() }
    }

    package func recordGrowth(of volume: VolumeName, to size: Gibibytes, for server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.grow(volume.generation, to: size) }
    }

    /// The server's row is locked before the job's, as everywhere.
    private func change(_ server: ServerID, _ lease: Lease, _ body: @escaping @Sendable (RoomWriter) async throws -> Void)
        async throws
    {
        try await database.transaction { transaction in
            _ = try await transaction.query("select id from hostal.servers where id = \(server) for update")
            try await transaction.requireLease(lease)
            try await body(RoomWriter(transaction: transaction, server: server))
        }
    }
}

extension Room {
    /// What is not zero.
    fileprivate var inWords: String {
        [
            vcpus > 0 ? "\(vcpus) vCPUs" : nil, memory.count > 0 ? "\(memory) of memory" : nil,
            disk.count > 0 ? "\(disk) of disk" : nil,
        ]
        .compactMap { $0 }.joined(separator: ", ")
    }
}

extension Transaction {
    /// Refuses the transaction unless the lease is this worker's; the job cannot be claimed by another before it ends. The server's row is
    /// locked before the job's, as everywhere: rows that point to it lock it as well, and a deletion that is placed now holds it first.
    func requireLease(_ lease: Lease) async throws {
        let rows = try await query(
            """
            with server as materialized (
                select id from hostal.servers where id = (select server_id from hostal.jobs where id = \(lease.job)) for key share)
            select j.id from server join hostal.jobs j on j.server_id = server.id
             where j.id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() for share of j
            """)
        guard !rows.isEmpty else { throw LeaseLost(lease) }
    }
}
