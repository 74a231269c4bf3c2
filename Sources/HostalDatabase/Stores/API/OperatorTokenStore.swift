package import FoundationEssentials

/// Which operator asks.
package struct OperatorBearer: Sendable, Hashable {
    package var token: Int64
    package var name: String
    package var access: TokenAccess
}

/// An operator's token as operators see it: everything but the token.
package struct OperatorTokenSummary: Sendable {
    package var id: Int64
    package var name: String
    package var access: String
    package var createdAt: Date
    package var expiresAt: Date?
    package var lastUsedAt: Date?
    package var revokedAt: Date?
}

/// Tokens of the operators' API. As with customers' only their SHA-256 is kept; they are made with `hostalctl` alone, so that a token that was
/// stolen makes no others.
package struct OperatorTokenStore: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// Makes a token and returns it, this once. `expiresIn` counts in seconds by the database's clock; nil is for ever.
    /// Throws 23505 when there is a token of that name.
    package func create(name: String, access: TokenAccess, expiresIn: Int64? = nil) async throws(PostgresError)
        -> (id: Int64, token: String)
    {
        let token = TokenStore.random()
        let rows = try await database.query(
            """
            insert into hostal.operator_tokens (name, hash, access, expires_at)
            values (\(name), decode(\(TokenStore.hash(token)), 'hex'), \(access.rawValue), now() + \(orNull: expiresIn)::bigint * interval '1 second')
            returning id
            """)
        guard let row = rows.first else { throw PostgresError("02000", "no token was made") }
        return (try row.get(0), token)
    }

    /// Whose token this is; nil for one that is unknown, revoked or expired. Notes its use, at most once a minute.
    package func bearer(of token: String) async throws(PostgresError) -> OperatorBearer? {
        guard token.utf8.count == TokenStore.length else { return nil }
        let rows = try await database.query(
            """
            with found as (
                select id, name, access, last_used_at from hostal.operator_tokens
                 where hash = decode(\(TokenStore.hash(token)), 'hex') and revoked_at is null and (expires_at is null or expires_at > now())),
            noted as (
                update hostal.operator_tokens t set last_used_at = now() from found
                 where t.id = found.id and coalesce(t.last_used_at < now() - interval '1 minute', true))
            select id, name, access from found
            """)
        guard let row = rows.first, let access = TokenAccess(rawValue: try row.get(2)) else { return nil }
        return OperatorBearer(token: try row.get(0), name: try row.get(1), access: access)
    }

    /// Ends a token at once. False when there is none of this number; one that was revoked before stays so.
    package func revoke(_ id: Int64) async throws(PostgresError) -> Bool {
        try await database.query(
            "update hostal.operator_tokens set revoked_at = coalesce(revoked_at, now()) where id = \(id) returning id"
        ).count == 1
    }

    package func list() async throws(PostgresError) -> [OperatorTokenSummary] {
        var tokens: [OperatorTokenSummary] = []
        for row in try await database.query(
            "select id, name, access, created_at, expires_at, last_used_at, revoked_at from hostal.operator_tokens order by id")
        {
            tokens.append(
                OperatorTokenSummary(
                    id: try row.get(0), name: try row.get(1), access: try row.get(2), createdAt: try row.get(3),
                    expiresAt: try row.get(4), lastUsedAt: try row.get(5), revokedAt: try row.get(6)))
        }
        return tokens
    }
}
