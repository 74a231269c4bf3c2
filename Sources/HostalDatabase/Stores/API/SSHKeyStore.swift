package import FoundationEssentials
import HostalProvisioning

/// A customer's public key.
package struct SSHKeyRecord: Sendable {
    package var id: Int64
    package var name: String
    /// MD5, with colons.
    package var fingerprint: String
    package var publicKey: String
    package var labels: [String: String]
    package var createdAt: Date
}

/// What a list of keys is narrowed to. Empty means all.
package struct SSHKeyFilter: Sendable, Hashable {
    package var name: String?
    package var fingerprint: String?
    package var labels: LabelSelector
    package init(name: String? = nil, fingerprint: String? = nil, labels: LabelSelector = .none) {
        self.name = name
        self.fingerprint = fingerprint
        self.labels = labels
    }
}

/// What keys can be sorted by.
package enum SSHKeyColumn: String, Sendable, CaseIterable {
    case id, name
}

/// Keys that an account keeps for its new servers. Servers hold copies: a key that is deleted here stays in them.
package struct SSHKeyStore: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    private static let fields = "k.id, k.name, k.fingerprint, k.public_key, k.labels, k.created_at"

    /// Throws HO001 with `ssh_keys[0]` or `labels` as detail for what is refused, 23505 when the account has the name or the key already.
    package func create(of account: Int64, name: String, publicKey: String, fingerprint: String, labels: [String: String])
        async throws
        -> SSHKeyRecord?
    {
        let checked = try JSONText(encoding: ["ssh_keys": [publicKey]])
        let rows = try await database.query(
            """
            insert into hostal.ssh_keys as k (account_id, name, fingerprint, public_key, labels)
            values (\(account), \(name), \(fingerprint), (hostal.checked_ssh_keys(\(checked)))[1],
                    hostal.checked_labels(jsonb_build_object('labels', \(try JSONText(encoding: labels)))))
            returning \(unsafe: Self.fields)
            """)
        return try rows.first.map(Self.record)
    }

    /// What is nil stays. Nil when the account has no such key.
    package func update(_ id: Int64, of account: Int64, name: String?, labels: [String: String]?) async throws -> SSHKeyRecord? {
        let labels = try labels.map { try JSONText(encoding: $0) }
        return try await database.query(
            """
            update hostal.ssh_keys k
               set name = coalesce(\(orNull: name), k.name),
                   labels = coalesce(hostal.checked_labels(jsonb_build_object('labels', coalesce(\(orNull: labels), k.labels))), k.labels)
             where k.id = \(id) and k.account_id = \(account) returning \(unsafe: Self.fields)
            """
        ).first.map(Self.record)
    }

    /// False when the account has no such key.
    package func delete(_ id: Int64, of account: Int64) async throws -> Bool {
        try await database.query("delete from hostal.ssh_keys where id = \(id) and account_id = \(account) returning id").count
            == 1
    }

    package func key(_ id: Int64, of account: Int64) async throws -> SSHKeyRecord? {
        try await database.query(
            "select \(unsafe: Self.fields) from hostal.ssh_keys k where k.id = \(id) and k.account_id = \(account)"
        ).first.map(Self.record)
    }

    package func key(named name: String, of account: Int64) async throws -> SSHKeyRecord? {
        try await database.query(
            "select \(unsafe: Self.fields) from hostal.ssh_keys k where k.name = \(name) and k.account_id = \(account)"
        ).first.map(Self.record)
    }

    package func list(
        of account: Int64, _ filter: SSHKeyFilter, sort: Ordering<SSHKeyColumn> = Ordering(.id), page: PageRequest
    ) async throws -> Page<SSHKeyRecord> {
        let hasLabels = !filter.labels.conditions.isEmpty
        let match = """
            k.account_id = $1 and ($2::text is null or k.name = $2) and ($3::text is null or k.fingerprint = $3)
            and (not $4::boolean or \(LabelSelector.sql("k.labels", selector: "$5")))
            """
        let order = "\(sort.column.rawValue) \(sort.direction)"
        let rows = try await database.query(
            """
            with given as (select \(account), \(orNull: filter.name), \(orNull: filter.fingerprint), \(hasLabels), \(filter.labels.json)),
                 page as materialized (
                     select k.* from hostal.ssh_keys k where \(unsafe: match) order by k.\(unsafe: order) limit \(page.perPage) offset \(page.offset))
            select \(unsafe: Self.fields), (select count(*) from hostal.ssh_keys k where \(unsafe: match))
              from (select) one left join page k on true order by k.\(unsafe: order)
            """)
        guard let first = rows.first else { return Page(entries: [], total: 0) }
        let keys = try rows.compactMap { row in try row.get(0, as: Int64?.self) == nil ? nil : try Self.record(row) }
        return Page(entries: keys, total: try first.get(6))
    }

    private static func record(_ row: Row) throws -> SSHKeyRecord {
        SSHKeyRecord(
            id: try row.get(0), name: try row.get(1), fingerprint: try row.get(2), publicKey: try row.get(3),
            labels: try row.get(4, as: JSONText.self).decode([String: String].self), createdAt: try row.get(5))
    }
}
