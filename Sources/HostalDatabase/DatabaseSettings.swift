/// Which PostgreSQL to use and how long to wait for it.
package struct DatabaseSettings: Sendable {
    /// A libpq connection string or URI; empty for the `PG*` environment variables.
    package var connection: String
    /// Shown in `pg_stat_activity`.
    package var applicationName: String
    /// The pool's size, at least 1. Listeners and dedicated connections come on top.
    package var maximumConnections: Int
    /// For reaching the server, retries while it restarts included.
    package var connectTimeout: Duration
    /// For one statement, on the server; the client gives up `answerGrace` later. Whole milliseconds, at least 1.
    package var statementTimeout: Duration
    /// For a connection of the pool to become free.
    package var connectionWait: Duration

    /// How much later than the server we give up on a statement.
    static let answerGrace = Duration.seconds(5)
    /// How long a transaction may sit without a statement before the server ends it.
    static let idleTransactionTimeout = Duration.seconds(60)
    /// How often the server looks whether the client of a running statement is still there.
    static let clientCheckInterval = Duration.seconds(1)

    package init(
        connection: String, applicationName: String, maximumConnections: Int = 8, connectTimeout: Duration = .seconds(5),
        statementTimeout: Duration = .seconds(30), connectionWait: Duration = .seconds(10)
    ) {
        precondition(maximumConnections > 0, "a pool needs at least one connection")
        self.connection = connection
        self.applicationName = applicationName
        self.maximumConnections = maximumConnections
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.connectionWait = connectionWait
    }

    /// Run once on each new connection.
    var sessionSetup: String {
        """
        set statement_timeout = \(statementTimeout.wholeMilliseconds);
        set idle_in_transaction_session_timeout = \(Self.idleTransactionTimeout.wholeMilliseconds);
        set client_connection_check_interval = \(Self.clientCheckInterval.wholeMilliseconds);
        """
    }

    /// Libpq's keywords. What stands before `dbname` are defaults that the connection string may override.
    var keywords: [(String, String)] {
        [
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"), ("tcp_user_timeout", "30000"),
            ("dbname", connection),
            ("application_name", applicationName), ("client_encoding", "UTF8"),
        ]
    }
}

extension Duration {
    /// At least 1, since PostgreSQL reads 0 as «for ever».
    var wholeMilliseconds: Int64 { max(1, components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000) }
}
