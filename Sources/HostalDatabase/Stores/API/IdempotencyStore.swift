package import HostalProvisioning

/// Answers to requests that carried an `Idempotency-Key`: one key, one effect, one answer.
package struct IdempotencyStore: Sendable {
    /// How long an answer is kept, in hours.
    package static let keptFor = 24

    package enum Claim: Sendable {
        /// The key is ours: do the work, then `record` its answer in the same transaction.
        case first
        /// The work was done before.
        case repeated(status: Int, body: JSONText)
        /// The key belongs to another request.
        case anotherRequest
    }

    let transaction: Transaction
    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// Waits for another transaction that holds the key; if that is rolled back, the key is ours.
    package func claim(_ key: String, of account: Int64, request: [UInt8]) async throws -> Claim {
        let inserted = try await transaction.query(
            """
            insert into hostal.idempotency_keys (account_id, key, request_hash) values (\(account), \(key), sha256(\(request)))
            on conflict (account_id, key) do nothing returning 1
            """)
        if inserted.count == 1 { return .first }
        let rows = try await transaction.query(
            """
            select request_hash = sha256(\(request)), status, body from hostal.idempotency_keys where account_id = \(account) and key = \(key)
            """)
        // It may have been swept between the two statements: the caller may try again.
        guard let row = rows.first else { throw PostgresError("40001", "the key has just expired") }
        guard try row.get(0, as: Bool.self) else { return .anotherRequest }
        guard let status = try row.get(1, as: Int?.self), let body = try row.get(2, as: JSONText?.self) else {
            throw Unreadable(what: "the answer kept for a repeated request")
        }
        return .repeated(status: status, body: body)
    }

    package func record(_ key: String, of account: Int64, status: Int, body: JSONText) async throws {
        _ = try await transaction.query(
            "update hostal.idempotency_keys set status = \(status), body = \(body) where account_id = \(account) and key = \(key)"
        )
    }

    /// Forgets at most 1,000 answers that are over their time.
    package static func sweep(_ database: Database) async throws {
        _ = try await database.query(
            """
            delete from hostal.idempotency_keys where ctid = any (array(
                select ctid from hostal.idempotency_keys where created_at < now() - \(keptFor)::bigint * interval '1 hour' limit 1000))
            """)
    }
}
