package import FoundationEssentials

/// An address that one of the account's servers has.
package struct PrimaryIPRecord: Sendable {
    package var id: Int64
    package var ip: String
    package var isIPv6: Bool
    package var server: Int64
    /// The server's: addresses have no date of their own.
    package var createdAt: Date
    package var location: LocationRecord
}

/// Addresses of one account's servers, while the servers have them.
package struct PrimaryIPReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    package func address(_ id: Int64, of account: Int64) async throws -> PrimaryIPRecord? {
        try await list(of: account, id: id, ip: nil, page: PageRequest()).entries.first
    }

    /// By number. `id` and `ip` narrow the list; `ip` that is no address finds nothing.
    package func list(of account: Int64, id: Int64? = nil, ip: String?, page: PageRequest) async throws -> Page<PrimaryIPRecord> {
        let rows = try await database.query(
            """
            select count(*) over (), a.id, host(a.ip), family(a.ip) = 6, a.server_id, s.created_at,
                   l.id, l.name, l.description, l.country, l.city, l.network_zone
              from hostal.addresses a join hostal.servers s on s.id = a.server_id
              left join hostal.hosts h on h.id = s.host_id
              join hostal.locations l on l.id = coalesce(h.location_id, s.location_id, (select min(id) from hostal.locations))
             where s.account_id = \(account) and s.state <> 'deleted' and a.state = 'assigned'
               and (\(orNull: id)::bigint is null or a.id = \(orNull: id))
               and (\(orNull: ip)::text is null or host(a.ip) = \(orNull: ip))
             order by a.id limit \(page.perPage) offset \(page.offset)
            """)
        let addresses = try rows.map { row in
            PrimaryIPRecord(
                id: try row.get(1), ip: try row.get(2), isIPv6: try row.get(3), server: try row.get(4), createdAt: try row.get(5),
                location: try LocationRecord(row, from: 6))
        }
        return Page(entries: addresses, total: try rows.first?.get(0) ?? 0)
    }
}
