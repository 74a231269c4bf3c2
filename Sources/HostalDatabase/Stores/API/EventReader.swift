package import FoundationEssentials

/// Something that happened to an account.
package struct EventRecord: Sendable {
    package var id: Int64
    package var kind: String
    package var server: Int64?
    package var order: Int64?
    package var createdAt: Date
}

/// The events of one account, in the order of their numbers.
package struct EventReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// At most `limit` events after this number. One that is told of is never followed by a smaller number: events whose transaction began
    /// before the oldest open one are all there, and younger ones wait. No transaction lasts an hour. Housekeeping is not told.
    package func list(of account: Int64, after: Int64, limit: Int) async throws -> [EventRecord] {
        try await database.query(
            """
            select e.id, e.kind, e.server_id, e.order_id, e.created_at from hostal.events e
             where e.account_id = \(account) and e.id > \(after)
               and not exists (select from hostal.orders o where o.id = e.order_id and o.kind = 'flatten')
               and (e.created_at < now() - interval '1 hour' or age(e.xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid))
             order by e.id limit \(limit)
            """
        ).map { row in
            EventRecord(
                id: try row.get(0), kind: try row.get(1), server: try row.get(2), order: try row.get(3), createdAt: try row.get(4)
            )
        }
    }
}
