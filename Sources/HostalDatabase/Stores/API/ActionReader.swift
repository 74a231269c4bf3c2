package import FoundationEssentials
import HostalProvisioning

/// One step of an action.
package struct ActionStepRecord: Sendable, Codable, Hashable {
    package var name: String
    /// As in `job_steps`, or `pending`.
    package var state: String
    /// Seconds since 1970.
    package var started: Double?
    package var finished: Double?
}

/// An order with its job, as its customer sees it.
package struct ActionRecord: Sendable {
    package var id: Int64
    /// An order's kind.
    package var kind: String
    /// `running`, `success` or `error`.
    package var status: String
    package var progress: Int
    package var waitingFor: String?
    package var errorCode: String?
    package var errorMessage: String?
    package var server: Int64?
    /// The account's own image that it makes or changes.
    package var image: Int64?
    package var startedAt: Date
    package var finishedAt: Date?
    package var steps: [ActionStepRecord]
    /// It failed, and not everything could be undone.
    package var isStuck: Bool
}

/// What actions are about.
package enum ActionSubject: Sendable, Hashable {
    case anything, servers, images
    case server(Int64)
    case image(Int64)

    var number: Int64? {
        switch self {
        case .anything, .servers, .images: nil
        case .server(let number), .image(let number): number
        }
    }

    /// A condition on `hostal.orders o`; `number` is what it calls ours.
    func sql(number: String) -> String {
        switch self {
        case .anything: "\(number)::bigint is null"
        case .servers: "o.server_id is not null and \(number)::bigint is null"
        case .images: "(\(Self.image)) is not null and \(number)::bigint is null"
        case .server: "o.server_id = \(number)"
        case .image: "(\(Self.image)) = \(number)"
        }
    }

    /// The account's own image that an order is about.
    static let image = """
        case when o.kind = 'create_image' then (select i.id from hostal.images i where i.order_id = o.id)
             when o.kind = 'change_protection' and o.server_id is null then (o.spec ->> 'image')::bigint end
        """
}

/// What a list of actions is narrowed to. Empty means all.
package struct ActionFilter: Sendable, Hashable {
    package var subject: ActionSubject
    package var ids: [Int64]
    package var statuses: [String]
    package init(_ subject: ActionSubject = .anything, ids: [Int64] = [], statuses: [String] = []) {
        self.subject = subject
        self.ids = ids
        self.statuses = statuses
    }
}

/// What actions can be sorted by.
package enum ActionColumn: String, Sendable, CaseIterable {
    case id, command, status, started, finished
    var sql: String {
        switch self {
        case .id: "id"
        case .command: "kind"
        case .status: "status"
        case .started: "created_at"
        case .finished: "finished_at"
        }
    }
}

/// Orders of one account, whoever placed them; not the housekeeping that the platform and its operators order.
package struct ActionReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    private static let isCustomers = "o.kind not in ('purge', 'flatten')"

    private static let status =
        "case o.state when 'succeeded' then 'success' when 'failed' then 'error' when 'stuck' then 'error' else 'running' end"

    private static let fields = """
        o.id, o.kind, \(status), case when o.state = 'succeeded' then 100 else coalesce(j.progress, 0) end,
        case when o.state in ('queued', 'running') then w.waiting_for end,
        coalesce(o.error ->> 'code', j.failure ->> 'code'), coalesce(o.error ->> 'message', j.failure ->> 'message'),
        o.server_id, o.created_at, o.finished_at,
        coalesce((select jsonb_agg(jsonb_build_object('name', n.name, 'state', case t.state when 'intended' then 'running' else coalesce(t.state, 'pending') end,
                         'started', extract(epoch from t.started_at), 'finished', extract(epoch from coalesce(t.undone_at, t.finished_at))) order by n.seq)
                    from unnest(j.step_names) with ordinality n(name, seq) left join hostal.job_steps t on t.job_id = j.id and t.name = n.name), '[]'),
        o.state = 'stuck', \(ActionSubject.image)
        """

    /// Nil when the account has no such action.
    package func action(_ id: Int64, of account: Int64, about subject: ActionSubject = .anything) async throws -> ActionRecord? {
        let rows = try await database.query(
            """
            with given as (select \(orNull: subject.number))
            select \(unsafe: Self.fields) from hostal.orders o left join hostal.jobs j on j.order_id = o.id left join hostal.waits w on w.job_id = j.id
             where o.id = \(id) and o.account_id = \(account) and \(unsafe: Self.isCustomers) and \(unsafe: subject.sql(number: "$1"))
            """)
        return try rows.first.map { try Self.record($0, from: 0) }
    }

    /// One statement, as for servers.
    package func list(
        of account: Int64, _ filter: ActionFilter, sort: Ordering<ActionColumn> = Ordering(.id), page: PageRequest
    ) async throws -> Page<ActionRecord> {
        let column = sort.column == .status ? Self.status : "o.\(sort.column.sql)"
        let order = "\(column) \(sort.direction), o.id \(sort.direction)"
        let match = """
            o.account_id = $1 and \(Self.isCustomers) and \(filter.subject.sql(number: "$2"))
            and (cardinality($3::bigint[]) = 0 or o.id = any ($3)) and (cardinality($4::text[]) = 0 or \(Self.status) = any ($4))
            """
        let rows = try await database.query(
            """
            with given as (select \(account), \(orNull: filter.subject.number), \(filter.ids), \(filter.statuses)),
                 page as materialized (
                     select o.* from hostal.orders o where \(unsafe: match)
                      order by \(unsafe: order) limit \(page.perPage) offset \(page.offset))
            select (select count(*) from hostal.orders o where \(unsafe: match)), \(unsafe: Self.fields)
              from (select) one left join page o on true left join hostal.jobs j on j.order_id = o.id left join hostal.waits w on w.job_id = j.id
             order by \(unsafe: order)
            """)
        guard let first = rows.first else { return Page(entries: [], total: 0) }
        let actions = try rows.compactMap { row in
            try row.get(1, as: Int64?.self) == nil ? nil : try Self.record(row, from: 1)
        }
        return Page(entries: actions, total: try first.get(0))
    }

    private static func record(_ row: Row, from n: Int) throws -> ActionRecord {
        ActionRecord(
            id: try row.get(n), kind: try row.get(n + 1), status: try row.get(n + 2), progress: try row.get(n + 3),
            waitingFor: try row.get(n + 4), errorCode: try row.get(n + 5), errorMessage: try row.get(n + 6),
            server: try row.get(n + 7), image: try row.get(n + 12), startedAt: try row.get(n + 8), finishedAt: try row.get(n + 9),
            steps: try row.get(n + 10, as: JSONText.self).decode([ActionStepRecord].self),
            isStuck: try row.get(n + 11))
    }
}
