import HostalModel
import HostalProvisioning

/// Changes of what a server holds, in a transaction that already holds the server's lock. Each may be repeated.
struct RoomWriter {
    let transaction: Transaction
    let server: ServerID

    func drop(_ role: RoomRole) async throws { try await drop("\(role)") }

    /// Everything that the server holds.
    func dropAll() async throws {
        _ = try await transaction.query("delete from hostal.allocations where server_id = \(server)")
    }

    /// Everything but disks: what a deleted server keeps until they are purged.
    func dropAllButDisks() async throws {
        try await drop(.growth)
        _ = try await transaction.query(
            "update hostal.allocations set vcpus = 0, memory_mib = 0 where server_id = \(server)")
    }

    /// Forgets the kept disk and gives back the room of one of its size: rooms and disks are paired by size, not by number, because an undone
    /// reinstall swaps disks and leaves rooms as they are. With a deleted server's disk all of its disks are gone.
    func dropDisk(_ generation: Int) async throws {
        let gone = try await transaction.query(
            """
            delete from hostal.volumes where server_id = \(server) and (generation = \(generation) and state = 'kept' or state = 'deleted')
            returning (disk -> 'volume' ->> 'size')::bigint >> 30, state = 'deleted'
            """)
        guard let row = gone.first else { return }
        if try row.get(1, as: Bool.self) { return try await dropAll() }
        let size: Int64 = try row.get(0)
        if let role = try await roleOfKeptDisk(of: size) { try await drop(role) }
    }

    /// Says that a disk has this size: in its row, in the plan if it is the active one, and in the room that it takes, out of what `growth` holds.
    func grow(_ generation: Int, to size: Gibibytes) async throws {
        let rows = try await transaction.query(
            """
            select (disk -> 'volume' ->> 'size')::bigint >> 30, state from hostal.volumes
             where server_id = \(server) and generation = \(generation)
            """)
        guard let row = rows.first, try row.get(0, as: Int64.self) < Int64(size.count) else { return }
        let isActive = try row.get(1, as: String.self) == "active"
        let role = isActive ? "home" : try await roleOfKeptDisk(of: try row.get(0))
        _ = try await transaction.query(
            """
            update hostal.volumes set disk = jsonb_set(disk, '{volume,size}', to_jsonb(\(size.bytes)))
             where server_id = \(server) and generation = \(generation)
            """)
        if isActive {
            _ = try await transaction.query(
                "update hostal.servers set plan = jsonb_set(plan, '{disk_gib}', to_jsonb(\(size.count))) where id = \(server)")
        }
        let moved = try await transaction.query(
            "select disk_gib from hostal.allocations where server_id = \(server) and role = \("\(RoomRole.growth)")")
        guard let moved = try moved.first?.get(0, as: Int64.self), moved > 0 else { return }
        // Given up before it is taken: at no moment is more counted than there is.
        _ = try await transaction.query(
            "update hostal.allocations set disk_gib = 0 where server_id = \(server) and role = \("\(RoomRole.growth)")")
        _ = try await transaction.query(
            """
            update hostal.allocations set disk_gib = disk_gib + \(moved) where server_id = \(server) and role = \(orNull: role)
            """)
    }

    /// The server has the job's plan: that is what it holds, and nothing for growth any more.
    func settleResize(of job: JobID) async throws {
        _ = try await transaction.query(
            "update hostal.servers s set plan = j.plan from hostal.jobs j where j.id = \(job) and s.id = j.server_id")
        try await drop(.growth)
        _ = try await transaction.query(
            """
            update hostal.allocations a
               set vcpus = (s.plan ->> 'vcpus')::int, memory_mib = (s.plan ->> 'memory_mib')::bigint,
                   disk_gib = (s.plan ->> 'disk_gib')::bigint
              from hostal.servers s where s.id = \(server) and a.server_id = s.id and a.role = 'home'
            """)
    }

    private func roleOfKeptDisk(of size: Int64) async throws -> String? {
        try await transaction.query(
            """
            select role from hostal.allocations where server_id = \(server) and role like 'disk-%'
             order by disk_gib = \(size) desc, length(role), role limit 1
            """
        ).first?.get(0)
    }

    private func drop(_ role: String) async throws {
        _ = try await transaction.query("delete from hostal.allocations where server_id = \(server) and role = \(role)")
    }
}
