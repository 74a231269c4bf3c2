package import FoundationEssentials
package import HostalModel

/// What is recorded of guests' power, besides what orders make of it: guests power themselves off, and hosts reboot.
package struct PowerStore: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// The database's clock: asked before the host is looked at, for `record`.
    package func now() async throws -> Date {
        guard let row = try await database.query("select clock_timestamp()").first else { throw Unreadable(what: "the time") }
        return try row.get(0)
    }

    /// Records for this host's running servers which have power, as it was after `since`, and returns how many that changed. A server with an
    /// open job is its worker's to describe, unless that only copies; so is one whose job has ended since, because what was seen may be older than what that job did.
    package func record(_ active: Set<GuestID>, on host: HostID, since: Date) async throws -> Int {
        try await database.query(
            """
            update hostal.servers s set power = seen.power
              from (select id, case when guest = any(\(active.map(\.uuid))) then 'on' else 'off' end as power from hostal.servers
                     where host_id = \(host) and state = 'running') seen
             where s.id = seen.id and s.power <> seen.power
               and not exists (select from hostal.jobs j where j.server_id = s.id and (j.state = 'open' and j.workflow not in ('capture-image', 'flatten-disk') or j.finished_at >= \(since)))
            returning s.id
            """
        ).count
    }
}
