package import FoundationEssentials
import HostalProvisioning

/// The server that an image was made of.
package struct CapturedServer: Sendable, Hashable {
    package var id: Int64
    package var name: String
}

/// An image as customers see it: not where it is kept.
package struct ImageRecord: Sendable {
    package var id: Int64
    package var name: String
    /// Bytes that a disk needs at least; the server's disk while the image is being made.
    package var virtualSize: Int64
    /// New orders may name it. Servers keep images that no longer are.
    package var isActive: Bool
    package var createdAt: Date
    /// An account's own rather than its provider's.
    package var isOwn: Bool
    /// `creating`, `available`, or `unavailable` for one whose order is stuck.
    package var status: String
    package var description: String
    package var labels: [String: String]
    /// Of its file; nil while it is being made, and for the provider's.
    package var bytes: Int64?
    package var source: CapturedServer?
    package var isConsistent: Bool?
    package var isDeleteProtected: Bool
    package var deletedAt: Date?

    static let status = """
        case when i.digest is not null then 'available'
             when exists (select from hostal.orders o where o.id = i.order_id and o.state = 'stuck') then 'unavailable' else 'creating' end
        """

    /// Of `hostal.images i`, as `init` reads them.
    static let fields = """
        i.id, i.name,
        coalesce(i.virtual_size, (select (o.plan ->> 'disk_gib')::bigint << 30 from hostal.servers o where o.id = i.server_id)),
        i.active, i.created_at, i.account_id is not null, \(status), i.description, i.labels, i.bytes, i.server_id,
        (select o.name from hostal.servers o where o.id = i.server_id), i.delete_protected, i.deleted_at,
        i.consistent
        """
    static let fieldCount = 15

    init(_ row: Row, from n: Int) throws {
        id = try row.get(n)
        name = try row.get(n + 1)
        virtualSize = try row.get(n + 2)
        isActive = try row.get(n + 3)
        createdAt = try row.get(n + 4)
        isOwn = try row.get(n + 5)
        status = try row.get(n + 6)
        description = try row.get(n + 7)
        let labels: JSONText = try row.get(n + 8)
        self.labels = labels.text == "{}" ? [:] : try labels.decode([String: String].self)
        bytes = try row.get(n + 9)
        let server: Int64? = try row.get(n + 10)
        source = try server.map { CapturedServer(id: $0, name: try row.get(n + 11)) }
        isDeleteProtected = try row.get(n + 12)
        deletedAt = try row.get(n + 13)
        isConsistent = try row.get(n + 14)
    }
}

/// What a list of images is narrowed to. Empty means all.
package struct ImageFilter: Sendable, Hashable {
    /// Only the provider's have one.
    package var name: String?
    /// `system` are the provider's, `snapshot` the account's own.
    package var types: [String]
    package var statuses: [String]
    package var labels: LabelSelector
    package init(name: String? = nil, types: [String] = [], statuses: [String] = [], labels: LabelSelector = .none) {
        self.name = name
        self.types = types
        self.statuses = statuses
        self.labels = labels
    }
}

/// What images can be sorted by.
package enum ImageColumn: String, Sendable, CaseIterable {
    case id, name, created
    var sql: String {
        switch self {
        case .id: "i.id"
        case .name: "case when i.account_id is null then i.name end"
        case .created: "i.created_at"
        }
    }
}

/// The provider's images and an account's own that are not deleted. Another account's are not there.
package struct ImageReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// One of the provider's that new orders may no longer name included: servers keep it.
    package func image(_ id: Int64, of account: Int64) async throws -> ImageRecord? {
        try await database.query(
            """
            select \(unsafe: ImageRecord.fields) from hostal.images i
             where i.id = \(id) and (i.account_id is null or i.account_id = \(account) and i.deleted_at is null)
            """
        ).first.map { try ImageRecord($0, from: 0) }
    }

    /// One statement, as for servers. Of the provider's those that new orders may name.
    package func list(
        of account: Int64, _ filter: ImageFilter, sort: Ordering<ImageColumn> = Ordering(.id), page: PageRequest
    ) async throws -> Page<ImageRecord> {
        let hasLabels = !filter.labels.conditions.isEmpty
        let match = """
            (i.account_id is null and i.active or i.account_id = $1 and i.deleted_at is null)
            and ($2::text is null or i.account_id is null and i.name = $2)
            and (cardinality($3::text[]) = 0 or case when i.account_id is null then 'system' else 'snapshot' end = any ($3))
            and (cardinality($4::text[]) = 0 or \(ImageRecord.status) = any ($4))
            and (not $5::boolean or \(LabelSelector.sql("i.labels", selector: "$6")))
            """
        let order = "\(sort.column.sql) \(sort.direction), i.id \(sort.direction)"
        let rows = try await database.query(
            """
            with given as (select \(account), \(orNull: filter.name), \(filter.types), \(filter.statuses), \(hasLabels), \(filter.labels.json)),
                 page as materialized (
                     select i.* from hostal.images i where \(unsafe: match)
                      order by \(unsafe: order) limit \(page.perPage) offset \(page.offset))
            select (select count(*) from hostal.images i where \(unsafe: match)), \(unsafe: ImageRecord.fields)
              from (select) one left join page i on true order by \(unsafe: order)
            """)
        guard let first = rows.first else { return Page(entries: [], total: 0) }
        let images = try rows.compactMap { row in
            try row.get(1, as: Int64?.self) == nil ? nil : try ImageRecord(row, from: 1)
        }
        return Page(entries: images, total: try first.get(0))
    }
}
