/// A transaction that is open on one connection, for as long as the body of `Database.transaction` runs.
package struct Transaction: Sendable {
    let connection: Connection
    /// Says which use of the connection this is: kept beyond the body, a transaction must not reach into another one.
    let number: UInt64

    /// Runs one statement. After an error of the server every later statement fails with 25P02: end the body by throwing.
    /// Throws 25P01 once the body has ended.
    package func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        try await connection.query(sql, inTransaction: number)
    }
}

extension Connection {
    /// Begins a transaction; nil if the connection is dead, in which case nothing has happened.
    func begin() async throws(PostgresError) -> Transaction? {
        do {
            guard try await attempt("begin") != nil else { return nil }
        } catch  where error.isConnectionLost && !error.isCancellation {
            return nil
        }
        transaction += 1
        return Transaction(connection: self, number: transaction)
    }

    fileprivate func query(_ sql: SQL, inTransaction number: UInt64) async throws(PostgresError) -> Rows {
        guard transaction == number else { throw PostgresError("25P01", "this transaction has ended") }
        return try await query(sql)
    }

    /// Commits, even if the task is cancelled by now. Throws 25P02 if PostgreSQL rolled back instead, because an error of a statement was
    /// swallowed; a lost connection leaves the outcome unknown.
    func commit() async throws(PostgresError) {
        transaction += 1
        guard let rows = try await attempt("commit", cancellable: false) else { throw closedBecause }
        guard rows.tag == "COMMIT" else {
            throw PostgresError("25P02", "the transaction was rolled back: a statement in it had failed")
        }
    }

    /// Rolls back, even if the task is cancelled by now; without a certain answer the connection is closed, which rolls back as well.
    func rollback() async {
        transaction += 1
        do {
            guard isInTransaction else { return }
            _ = try await attempt("rollback", cancellable: false)
        } catch {
            close()
        }
        if isInTransaction { close() }
    }
}
