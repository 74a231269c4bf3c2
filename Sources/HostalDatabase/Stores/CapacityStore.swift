package import HostalModel
package import HostalProvisioning

/// Room on hosts: a host's `used_*` and the allocation change in one transaction, so their sums always agree.
package struct CapacityStore: CapacityLedger {
    let database: Database

    package init(database: Database) { self.database = database }

    package func reserve(for server: ServerID, plan: Plan, lease: Lease) async throws -> HostID {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            let held = try await transaction.query(
                "select host_id from hostal.allocations where server_id = \(server) and role = 'home'")
            if let row = held.first { return try row.get(0) }
            // Locked in the order of their ids, so that two placements never wait for each other crosswise.
            let hosts = try await transaction.query(
                """
                select id from (
                    select id, used_memory_mib::float / greatest(memory_mib, 1) as load from hostal.hosts h
                     where state = 'accepting'
                       and used_vcpus + \(plan.vcpus) <= vcpus and used_memory_mib + \(plan.memory.count) <= memory_mib
                       and used_disk_gib + \(plan.disk.count) <= disk_gib
                       and exists (select from hostal.host_networks n where n.host_id = h.id)
                     order by id for no key update) fitting
                order by load, id limit 1
                """)
            guard let host = try hosts.first?.get(0, as: HostID.self) else {
                throw Failure(
                    .permanent, .resourceUnavailable,
                    "cannot place the server: no host has \(plan.vcpus) vCPUs, \(plan.memory) of memory and \(plan.disk) of disk free"
                )
            }
            _ = try await transaction.query(
                """
                update hostal.hosts
                   set used_vcpus = used_vcpus + \(plan.vcpus), used_memory_mib = used_memory_mib + \(plan.memory.count),
                       used_disk_gib = used_disk_gib + \(plan.disk.count)
                 where id = \(host)
                """)
            _ = try await transaction.query(
                """
                insert into hostal.allocations (server_id, host_id, vcpus, memory_mib, disk_gib)
                values (\(server), \(host), \(plan.vcpus), \(plan.memory.count), \(plan.disk.count))
                """)
            return host
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
                update hostal.hosts
                   set used_vcpus = used_vcpus + \(room.vcpus), used_memory_mib = used_memory_mib + \(room.memory.count),
                       used_disk_gib = used_disk_gib + \(room.disk.count)
                 where id = \(host) and used_vcpus + \(room.vcpus) <= vcpus and used_memory_mib + \(room.memory.count) <= memory_mib
                   and used_disk_gib + \(room.disk.count) <= disk_gib
                returning id
                """)
            guard !taken.isEmpty else {
                throw Failure(
                    .permanent, .resourceUnavailable, "cannot give the server more room: its host has not \(room.inWords) free")
            }
            _ = try await transaction.query(
                """
                insert into hostal.allocations (server_id, role, host_id, vcpus, memory_mib, disk_gib)
                values (\(server), \("\(role)"), \(host), \(room.vcpus), \(room.memory.count), \(room.disk.count))
                """)
        }
    }

    package func release(_ role: RoomRole, of server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.drop(role) }
    }

    package func release(for server: ServerID, lease: Lease) async throws {
        try await change(server, lease) { try await $0.dropAll() }
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
