package import FoundationEssentials
package import HostalModel
import HostalProvisioning

/// An address that a server has.
package struct ServerAddress: Sendable, Hashable {
    package var id: Int64
    package var ip: String
}

/// Why a server may not be used, as its customer sees it.
package struct ServerHold: Sendable, Hashable, Codable {
    package var reason: String
    /// Seconds since 1970.
    package var since: Double
}

/// A server as its customer sees it.
package struct ServerRecord: Sendable {
    package var id: Int64
    package var name: String
    /// In the API's words: `initializing`, `running`, `off` and so on.
    package var status: String
    /// A create, reinstall, resize, undo, copy or deletion is not over, an order is stuck, or the server is on hold.
    package var isLocked: Bool
    package var plan: Plan
    /// Nil when no plan of this name was ever loaded here.
    package var planNumber: Int64?
    package var image: ImageRecord
    package var location: LocationRecord
    package var labels: [String: String]
    package var isDeleteProtected: Bool
    package var isRebuildProtected: Bool
    package var hasKeys: Bool
    package var createdAt: Date
    package var ipv4: ServerAddress?
    package var ipv6: ServerAddress?
    /// Of the disk that it runs from.
    package var hostKeys: [String]
    /// The oldest first.
    package var holds: [ServerHold]
}

/// What a list of servers is narrowed to. Empty means all.
package struct ServerFilter: Sendable, Hashable {
    package var name: String?
    package var statuses: [String]
    package var labels: LabelSelector
    package init(name: String? = nil, statuses: [String] = [], labels: LabelSelector = .none) {
        self.name = name
        self.statuses = statuses
        self.labels = labels
    }
}

/// What servers can be sorted by.
package enum ServerColumn: String, Sendable, CaseIterable {
    case id, name, created
    var sql: String { self == .created ? "created_at" : rawValue }
}

/// Servers of one account that are not deleted.
package struct ServerReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// In the API's words. A server's order that is stuck counts as one that is not over.
    private static let status = """
        case s.state when 'creating' then 'initializing' when 'deleting' then 'deleting' else coalesce(
            (select case j.workflow when 'reinstall-server' then 'rebuilding' when 'undo-reinstall' then 'rebuilding'
                        when 'resize-server' then 'migrating' when 'grow-server' then 'migrating'
                        when 'start-server' then 'starting'
                        when 'shutdown-server' then 'stopping' when 'stop-server' then 'stopping'
                        when 'suspend-server' then 'stopping' when 'resume-server' then 'starting' end
               from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'stuck')),
            case s.power when 'on' then 'running' else 'off' end) end
        """

    /// Workflows that other orders do not queue behind.
    private static let long =
        "'capture-image', 'create-server', 'delete-server', 'grow-server', 'reinstall-server', 'resize-server', 'undo-reinstall'"

    // Two questions about jobs, because each has an index of its own.
    private static let fields = """
        s.id, s.name, \(status),
        exists (select from hostal.jobs j where j.server_id = s.id and j.state in ('open', 'stuck')
                   and (j.state = 'stuck' or j.workflow in (\(long))))
            or exists (select from hostal.jobs j where j.server_id = s.id and j.state = 'queued' and j.workflow in (\(long)))
            or exists (select from hostal.holds d where d.server_id = s.id),
        s.plan, p.id, s.labels, s.delete_protected, s.rebuild_protected, cardinality(s.ssh_keys) > 0, s.created_at,
        a4.id, host(a4.ip), a6.id, host(a6.ip),
        \(ImageRecord.fields), l.id, l.name, l.description, l.country, l.city, l.network_zone,
        coalesce((select v.host_keys from hostal.volumes v where v.server_id = s.id and v.state = 'active'), '{}'),
        coalesce((select jsonb_agg(jsonb_build_object('reason', d.reason, 'since', extract(epoch from d.since)) order by d.since, d.reason)
                    from hostal.holds d where d.server_id = s.id), '[]')
        """

    private static let joins = """
        left join hostal.plans p on p.name = s.plan ->> 'name'
        left join hostal.images i on i.id = s.image_id
        left join hostal.hosts h on h.id = s.host_id
        left join hostal.locations l on l.id = coalesce(h.location_id, s.location_id, (select min(id) from hostal.locations))
        left join hostal.addresses a4 on a4.server_id = s.id and family(a4.ip) = 4 and a4.state = 'assigned'
        left join hostal.addresses a6 on a6.server_id = s.id and family(a6.ip) = 6 and a6.state = 'assigned'
        """

    /// Nil when the account has no such server.
    package func server(_ id: Int64, of account: Int64) async throws -> ServerRecord? {
        let rows = try await database.query(
            """
            select \(unsafe: Self.fields) from hostal.servers s \(unsafe: Self.joins)
             where s.id = \(id) and s.account_id = \(account) and s.state <> 'deleted'
            """)
        var known = Known()
        return try rows.first.map { try Self.record($0, from: 0, &known) }
    }

    /// One statement: the count of all that match, which is kept where nothing is filtered, and the page's servers.
    package func list(
        of account: Int64, _ filter: ServerFilter, sort: Ordering<ServerColumn> = Ordering(.id), page: PageRequest
    ) async throws -> Page<ServerRecord> {
        let hasLabels = !filter.labels.conditions.isEmpty
        let hasStatuses = !filter.statuses.isEmpty
        let order = "\(sort.column.sql) \(sort.direction), s.id \(sort.direction)"
        // The parameters have the numbers 1 to 6 in the order below, so that both parts can name them.
        let match = """
            s.account_id = $1 and s.state <> 'deleted' and ($2::text is null or s.name = $2)
            and (not $3::boolean or \(Self.status) = any ($4)) and (not $5::boolean or \(LabelSelector.sql("s.labels", selector: "$6")))
            """
        let rows = try await database.query(
            """
            with given as (select \(account), \(orNull: filter.name), \(hasStatuses), \(filter.statuses), \(hasLabels), \(filter.labels.json)),
                 page as materialized (
                     select s.* from hostal.servers s where \(unsafe: match)
                      order by s.\(unsafe: order) limit \(page.perPage) offset \(page.offset))
            select case when $2::text is null and not $3::boolean and not $5::boolean
                        then (select a.servers::bigint from hostal.accounts a where a.id = $1)
                        else (select count(*) from hostal.servers s where \(unsafe: match)) end, \(unsafe: Self.fields)
              from (select) one left join page s on true \(unsafe: Self.joins)
             order by s.\(unsafe: order)
            """)
        guard let first = rows.first else { return Page(entries: [], total: 0) }
        var known = Known()
        let servers = try rows.compactMap { row in
            try row.get(1, as: Int64?.self) == nil ? nil : try Self.record(row, from: 1, &known)
        }
        return Page(entries: servers, total: try first.get(0))
    }

    /// Documents of a page that were read already: most of its servers have the same ones.
    private struct Known {
        var plans: [String: Plan] = [:]
        var labels: [String: [String: String]] = [:]

        mutating func plan(_ document: JSONText) throws -> Plan {
            if let plan = plans[document.text] { return plan }
            let plan = try document.decode(Plan.self)
            plans[document.text] = plan
            return plan
        }

        mutating func labels(_ document: JSONText) throws -> [String: String] {
            if let labels = labels[document.text] { return labels }
            let labels = try document.decode([String: String].self)
            self.labels[document.text] = labels
            return labels
        }
    }

    private static func record(_ row: Row, from n: Int, _ known: inout Known) throws -> ServerRecord {
        func address(_ column: Int) throws -> ServerAddress? {
            guard let id = try row.get(column, as: Int64?.self) else { return nil }
            return ServerAddress(id: id, ip: try row.get(column + 1))
        }
        let place = n + 15 + ImageRecord.fieldCount
        return ServerRecord(
            id: try row.get(n), name: try row.get(n + 1), status: try row.get(n + 2), isLocked: try row.get(n + 3),
            plan: try known.plan(try row.get(n + 4)), planNumber: try row.get(n + 5),
            image: try ImageRecord(row, from: n + 15), location: try LocationRecord(row, from: place),
            labels: try known.labels(try row.get(n + 6)), isDeleteProtected: try row.get(n + 7),
            isRebuildProtected: try row.get(n + 8), hasKeys: try row.get(n + 9), createdAt: try row.get(n + 10),
            ipv4: try address(n + 11), ipv6: try address(n + 13), hostKeys: try row.get(place + 6),
            holds: try row.get(place + 7, as: JSONText.self).decode([ServerHold].self))
    }
}
