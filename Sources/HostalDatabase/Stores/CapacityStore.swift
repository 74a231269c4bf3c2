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

    package func release(for server: ServerID, lease: Lease) async throws {
        try await database.transaction { transaction in
            try await transaction.requireLease(lease)
            _ = try await transaction.query(
                """
                with freed as (delete from hostal.allocations where server_id = \(server) returning host_id, vcpus, memory_mib, disk_gib)
                update hostal.hosts h
                   set used_vcpus = used_vcpus - f.vcpus, used_memory_mib = used_memory_mib - f.memory_mib,
                       used_disk_gib = used_disk_gib - f.disk_gib
                  from freed f where h.id = f.host_id
                """)
        }
    }
}

extension Transaction {
    /// Refuses the transaction unless the lease is this worker's; the job cannot be claimed by another before it ends.
    func requireLease(_ lease: Lease) async throws {
        let rows = try await query(
            """
            select id from hostal.jobs
             where id = \(lease.job) and lease_epoch = \(lease.epoch) and state = 'open' and lease_until > now() for share
            """)
        guard !rows.isEmpty else { throw LeaseLost(lease) }
    }
}
