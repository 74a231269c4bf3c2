/// What PostgreSQL or the connection to it said. Its description never contains a bound value; `detail` and `message` may.
package struct PostgresError: Error, Sendable, CustomStringConvertible {
    /// PostgreSQL's five characters. Errors of ours use the same table: 08001 and 08006 for connections, 22002, 42804 and 42703 for
    /// decoding, 53300 when no connection became free in time, 57014 when the task was cancelled.
    package var sqlState: String
    package var message: String
    package var detail: String?
    package var hint: String?
    package var schema: String?
    package var table: String?
    package var column: String?
    package var constraint: String?
    /// The statement's text, with `$1` where values were.
    package var statement: String?
    /// Where in the statement, in characters from 1.
    package var position: Int?
    /// The task was cancelled. If the statement was already sent, its outcome is unknown.
    package var isCancellation = false

    package init(_ sqlState: String, _ message: String) {
        self.sqlState = sqlState
        self.message = message
    }

    /// There was no connection, or it went away. The outcome of a statement that was sent is unknown.
    package var isConnectionLost: Bool {
        sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03"].contains(sqlState)
    }

    /// The same transaction may succeed if it is run again: serialization failure, deadlock, connection, no free connection.
    package var isRetriable: Bool { isConnectionLost || ["40001", "40P01", "53300"].contains(sqlState) }

    /// The prepared statement no longer fits the database: a table changed under it, or somebody deallocated it.
    var isStalePlan: Bool { sqlState == "0A000" || sqlState == "26000" }

    /// The server was not there, or says that it will be soon: while it restarts. What it says is known only in English.
    var isServerStarting: Bool {
        sqlState == "08001" && (!message.contains("FATAL") || message.contains("the database system is"))
    }

    /// Messages of class 22 quote the value that they complain about: they are left out.
    package var description: String {
        let words = sqlState.hasPrefix("22") && statement != nil ? "a value is not acceptable" : message
        let place = constraint.map { " (constraint \($0))" } ?? column.map { " (column \($0))" } ?? ""
        return "PostgreSQL \(sqlState): \(words)\(place)"
    }
}

extension PostgresError {
    static func lost(_ reason: String) -> PostgresError { PostgresError("08006", "connection lost: \(reason)") }

    static var cancelled: PostgresError {
        var error = PostgresError("57014", "the task was cancelled")
        error.isCancellation = true
        return error
    }
}
