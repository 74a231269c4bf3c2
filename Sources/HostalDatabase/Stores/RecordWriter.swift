import HostalModel
import HostalProvisioning

/// Writes a step's records in the transaction that marks it done. Each may be written twice: the second changes nothing.
struct RecordWriter {
    let transaction: Transaction
    let job: JobID
    let server: ServerID
    /// How long a disk is kept that has been replaced.
    let keepWindow: Duration

    func write(_ record: Record) async throws {
        switch record {
        case .placed(let host):
            _ = try await transaction.query("update hostal.jobs set host_id = \(host) where id = \(job)")
            _ = try await transaction.query("update hostal.servers set host_id = \(host) where id = \(server)")
        case .running(let report, let disk):
            _ = try await transaction.query(
                """
                update hostal.servers set state = case state when 'creating' then 'running' else state end, instance_id = \(disk.instanceID)
                 where id = \(server)
                """)
            try await makeActive(disk)
            try await booted(report)
            try await event("server.running", about: report)
        case .power(let power):
            _ = try await transaction.query("update hostal.servers set power = \(power.rawValue) where id = \(server)")
        case .rebooted(let report):
            try await booted(report)
            try await event("server.rebooted", about: report)
        case .reinstalled(let report, let disk):
            try await putAside(forGeneration: disk.generation)
            try await makeActive(disk)
            try await runFromJobsDisk()
            try await booted(report)
            try await takeUserData()
            try await event("server.reinstalled", about: report)
        case .broughtBack(let report):
            let generation = try await generationOfJob()
            try await putAside(forGeneration: generation)
            _ = try await transaction.query(
                """
                update hostal.volumes set state = 'active', keep_until = null where server_id = \(server) and generation = \(generation)
                """)
            try await runFromJobsDisk()
            try await booted(report)
            try await RoomWriter(transaction: transaction, server: server).drop(.growth)
            try await event("server.reinstallation_undone", about: report)
        case .resized(let report):
            if let report { try await booted(report) }
            try await RoomWriter(transaction: transaction, server: server).settleResize(of: job)
            try await event("server.resized", data: [:])
        case .suspended(let before):
            _ = try await transaction.query(
                "update hostal.servers set power = 'off', resume_power = resume_power or \(before == .on) where id = \(server)")
        case .resumed:
            _ = try await transaction.query("update hostal.servers set power = 'on', resume_power = false where id = \(server)")
        case .imageMade(let made, let wasQuiet):
            _ = try await transaction.query(
                """
                update hostal.images i
                   set digest = \(made.stored.digest.hex), format = \(made.stored.format.rawValue), bytes = \(made.bytes),
                       virtual_size = \(made.stored.virtualSize), location = \(made.stored.path), host_id = j.host_id, active = true,
                       consistent = \(wasQuiet)
                  from hostal.jobs j where j.id = \(job) and i.order_id = j.order_id and i.digest is null and i.deleted_at is null
                """)
            try await event("image.created", data: [:])
        case .flattened(let disk):
            _ = try await transaction.query(
                """
                update hostal.volumes set disk = \(try JSONText(encoding: disk))
                 where server_id = \(server) and generation = \(disk.generation)
                """)
        case .purged:
            let generation = try await generationOfJob()
            try await RoomWriter(transaction: transaction, server: server).dropDisk(generation)
            try await event("volume.purged", data: ["generation": .text("\(generation)")])
        case .deleted(let window):
            _ = try await transaction.query(
                "update hostal.servers set state = 'deleted', deleted_at = now(), host_id = null, power = 'off' where id = \(server)"
            )
            _ = try await transaction.query("delete from hostal.server_user_data where server_id = \(server)")
            _ = try await transaction.query("delete from hostal.holds where server_id = \(server)")
            if let window {
                _ = try await transaction.query(
                    """
                    update hostal.volumes set state = 'deleted', keep_until = now() + \(window)
                     where server_id = \(server) and state <> 'deleted'
                    """)
            } else {
                _ = try await transaction.query("delete from hostal.volumes where server_id = \(server)")
            }
            try await event("server.deleted", data: [:])
        }
    }

    private func booted(_ report: GuestReport) async throws {
        _ = try await transaction.query(
            """
            update hostal.servers
               set power = 'on', host_keys = \(report.hostKeys), boot_id = \(report.bootID), cloud_init = \(report.status)
             where id = \(server)
            """)
        _ = try await transaction.query(
            "update hostal.volumes set host_keys = \(report.hostKeys) where server_id = \(server) and state = 'active'")
    }

    private func makeActive(_ disk: ServerDisk) async throws {
        _ = try await transaction.query(
            """
            insert into hostal.volumes (server_id, generation, state, image_id, instance_id, disk)
            select s.id, \(disk.generation), 'active', coalesce(j.image_id, s.image_id), \(disk.instanceID), \(try JSONText(encoding: disk))
              from hostal.jobs j join hostal.servers s on s.id = j.server_id where j.id = \(job)
            on conflict (server_id, generation) do nothing
            """)
    }

    /// Keeps the active disk for the window, unless it is the one that is to be active. One that was kept before gives way at once.
    private func putAside(forGeneration generation: Int) async throws {
        _ = try await transaction.query(
            """
            with aside as (
                update hostal.volumes set state = 'kept', keep_until = now() + \(keepWindow)
                 where server_id = \(server) and state = 'active' and generation <> \(generation) returning generation)
            update hostal.volumes set keep_until = least(keep_until, now())
             where server_id = \(server) and state = 'kept' and generation <> \(generation) and exists (select from aside)
            """)
    }

    private func runFromJobsDisk() async throws {
        _ = try await transaction.query(
            """
            update hostal.servers s set generation = v.generation, image_id = v.image_id, instance_id = v.instance_id
              from hostal.volumes v where s.id = \(server) and v.server_id = s.id and v.state = 'active'
            """)
    }

    /// What the reinstall was told about the customer's document is what the server has from now on.
    private func takeUserData() async throws {
        _ = try await transaction.query(
            """
            delete from hostal.server_user_data u using hostal.jobs j
             where j.id = \(job) and u.server_id = j.server_id and j.options ->> 'user_data' in ('drop', 'replace')
            """)
        _ = try await transaction.query(
            """
            insert into hostal.server_user_data (server_id, content)
            select j.server_id, k.user_data from hostal.jobs j join hostal.order_secrets k on k.order_id = j.order_id
             where j.id = \(job) and j.options ->> 'user_data' = 'replace' and k.user_data is not null
            on conflict (server_id) do update set content = excluded.content
            """)
    }

    private func generationOfJob() async throws -> Int {
        let rows = try await transaction.query("select generation from hostal.jobs where id = \(job)")
        guard let generation = try rows.first?.get(0, as: Int?.self) else {
            throw Unreadable(what: "the generation of job \(job)")
        }
        return generation
    }

    private func event(_ kind: String, about report: GuestReport) async throws {
        try await event(kind, data: ["cloud_init": .text(report.status), "errors": .list(report.errors)])
    }

    private enum Value: Encodable {
        case text(String), list([String])
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let text): try container.encode(text)
            case .list(let list): try container.encode(list)
            }
        }
    }

    private func event(_ kind: String, data: [String: Value]) async throws {
        _ = try await transaction.query(
            """
            insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
            select \(kind) || ':' || o.id, \(kind), o.account_id, o.server_id, o.id, \(try JSONText(encoding: data))
              from hostal.jobs j join hostal.orders o on o.id = j.order_id where j.id = \(job)
            on conflict (dedupe_key) do nothing
            """)
    }
}
