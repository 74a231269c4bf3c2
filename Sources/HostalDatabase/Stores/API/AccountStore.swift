package import FoundationEssentials

/// Who owns servers.
package struct AccountSummary: Sendable {
    package var id: Int64
    package var source: String
    package var reference: String
    package var servers: Int
    package var createdAt: Date
}

/// Accounts: made by a billing system's first order for a customer, or by an operator.
package struct AccountStore: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// The account of this source and reference, made if it is not there.
    package func put(source: String, reference: String) async throws -> Int64 {
        let rows = try await database.query(
            """
            insert into hostal.accounts (source, external_ref) values (\(source), \(reference))
            on conflict on constraint accounts_source_external_ref_key do update set source = excluded.source returning id
            """)
        guard let row = rows.first else { throw Unreadable(what: "account '\(reference)'") }
        return try row.get(0)
    }

    package func count() async throws -> Int {
        try await database.query("select count(*) from hostal.accounts").first?.get(0) ?? 0
    }

    /// All, or a part of them where a page is given.
    package func list(page: PageRequest? = nil) async throws -> [AccountSummary] {
        try await database.query(
            """
            select a.id, a.source, a.external_ref, (select count(*) from hostal.servers s where s.account_id = a.id and s.state <> 'deleted'),
                   a.created_at from hostal.accounts a order by a.id
             limit \(orNull: page?.perPage) offset \(page?.offset ?? 0)
            """
        ).map { row in
            AccountSummary(
                id: try row.get(0), source: try row.get(1), reference: try row.get(2), servers: try row.get(3),
                createdAt: try row.get(4))
        }
    }
}
