package import FoundationEssentials
import HostalSystem

/// What a token may do.
package enum TokenAccess: String, Sendable, Codable, CaseIterable {
    case read
    case readWrite = "read_write"
}

/// Whose request it is.
package struct TokenBearer: Sendable, Hashable {
    package var token: Int64
    package var account: Int64
    package var access: TokenAccess
}

/// A token as operators see it: everything but the token.
package struct TokenSummary: Sendable {
    package var id: Int64
    package var account: Int64
    package var name: String
    package var access: String
    package var createdAt: Date
    package var expiresAt: Date?
    package var lastUsedAt: Date?
    package var revokedAt: Date?
}

/// The API's tokens. Only their SHA-256 is kept: nobody can read a token back.
package struct TokenStore: Sendable {
    /// Of 62 letters and digits each: 381 bits.
    package static let length = 64
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// Makes a token and returns it, this once. `expiresIn` counts in seconds by the database's clock; nil is for ever.
    /// Throws 23503 when there is no such account, 23505 when it has a token of that name.
    package func create(account: Int64, name: String, access: TokenAccess, expiresIn: Int64? = nil) async throws(PostgresError)
        -> (id: Int64, token: String)
    {
        let token = Self.random()
        let rows = try await database.query(
            """
            insert into hostal.tokens (account_id, name, hash, access, expires_at)
            values (\(account), \(name), decode(\(Self.hash(token)), 'hex'), \(access.rawValue),
                    now() + \(orNull: expiresIn)::bigint * interval '1 second')
            returning id
            """)
        guard let row = rows.first else { throw PostgresError("02000", "no token was made") }
        return (try row.get(0), token)
    }

    /// Whose token this is; nil for one that is unknown, revoked or expired. Looked up by its hash, so how long it takes says nothing of how
    /// much of a guess was right. Notes its use, at most once a minute.
    package func bearer(of token: String) async throws(PostgresError) -> TokenBearer? {
        guard token.utf8.count == Self.length else { return nil }
        let rows = try await database.query(
            """
            select id, account_id, access, coalesce(last_used_at < now() - interval '1 minute', true) from hostal.tokens
             where hash = decode(\(Self.hash(token)), 'hex') and revoked_at is null and (expires_at is null or expires_at > now())
            """)
        guard let row = rows.first, let access = TokenAccess(rawValue: try row.get(2)) else { return nil }
        let bearer = TokenBearer(token: try row.get(0), account: try row.get(1), access: access)
        if try row.get(3, as: Bool.self) {
            _ = try await database.query(
                """
                update hostal.tokens set last_used_at = now()
                 where id = \(bearer.token) and coalesce(last_used_at < now() - interval '1 minute', true)
                """)
        }
        return bearer
    }

    /// Of one account, or of all.
    package func count(account: Int64?) async throws -> Int {
        let rows = try await database.query(
            "select count(*) from hostal.tokens where account_id = \(orNull: account) or \(orNull: account)::bigint is null")
        return try rows.first?.get(0) ?? 0
    }

    /// Ends a token at once. False when there is none of this number; one that was revoked before stays so.
    package func revoke(_ id: Int64) async throws(PostgresError) -> Bool {
        try await database.query(
            "update hostal.tokens set revoked_at = coalesce(revoked_at, now()) where id = \(id) returning id"
        ).count == 1
    }

    /// Of one account, or of all; a part of them where a page is given.
    package func list(account: Int64?, page: PageRequest? = nil) async throws -> [TokenSummary] {
        try await database.query(
            """
            select id, account_id, name, access, created_at, expires_at, last_used_at, revoked_at from hostal.tokens
             where account_id = \(orNull: account) or \(orNull: account)::bigint is null order by id
             limit \(orNull: page?.perPage) offset \(page?.offset ?? 0)
            """
        ).map { row in
            TokenSummary(
                id: try row.get(0), account: try row.get(1), name: try row.get(2), access: try row.get(3),
                createdAt: try row.get(4),
                expiresAt: try row.get(5), lastUsedAt: try row.get(6), revokedAt: try row.get(7))
        }
    }

    /// From the system's generator, which is getrandom(2).
    static func random() -> String {
        String(decoding: (0..<length).compactMap { _ in letters.randomElement() }, as: UTF8.self)
    }

    static func hash(_ token: String) -> String {
        var digest = Digesting(.sha256)
        var token = token
        token.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
        return digest.hexadecimal()
    }
}
