import Synchronization

/// PostgreSQL, as the stores see it: a pool of connections that are made when needed, and replaced when they have died.
package final class Database: Sendable {
    private let settings: DatabaseSettings
    private let gate: Gate
    /// Connections that nobody uses, the one used last at the end. They may have died meanwhile.
    private let idle = Mutex<[Connection]>([])
    private let listeners = Mutex<[Task<Void, Never>]>([])

    /// Connects nothing yet.
    package init(_ settings: DatabaseSettings) {
        self.settings = settings
        gate = Gate(places: settings.maximumConnections, waitsFor: "database connection")
    }

    /// The thread that talks to PostgreSQL. A task that prefers it is about twice as fast, and must never block.
    package var executor: any TaskExecutor { Reactor.shared }

    /// Runs one statement in a transaction of its own.
    ///
    /// Waits for a free connection and, while the server restarts, for the server, both for as long as the settings allow. Throws what the
    /// server says; `isConnectionLost` once the statement was sent means that its outcome is unknown.
    package func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        try await gate.enter(within: settings.connectionWait)
        defer { gate.leave() }
        let (connection, rows) = try await withLiveConnection { connection throws(PostgresError) in
            try await connection.single(sql)
        }
        putBack(connection)
        return rows
    }

    /// Runs `body` in a transaction: commits when it returns, rolls back when it throws. Throws what `body` throws, and what BEGIN and COMMIT
    /// throw; a connection lost during COMMIT leaves the outcome unknown. It never runs `body` twice.
    package func transaction<T: Sendable>(_ body: @Sendable (Transaction) async throws -> T) async throws -> T {
        try await gate.enter(within: settings.connectionWait)
        defer { gate.leave() }
        let (connection, transaction) = try await withLiveConnection { connection throws(PostgresError) in
            try await connection.begin()
        }
        defer { putBack(connection) }
        do {
            let value = try await body(transaction)
            try await connection.commit()
            return value
        } catch {
            await connection.rollback()
            throw error
        }
    }

    /// A connection of the caller's own, outside the pool: for the heartbeat, which must not wait for others. Close it after use.
    package func dedicated() async throws(PostgresError) -> Connection {
        guard !gate.isShut else { throw Self.closed }
        return try await open()
    }

    /// Payloads of NOTIFY on a channel, until the stream is dropped or the database closed. An empty string after each reconnect says that
    /// something may have been missed. At most `Connection.notificationLimit` wait for a slow reader; then the oldest are dropped.
    ///
    /// Returns after the first attempt to listen. If that failed, it goes on trying, for ever, and an empty string says when it succeeded.
    package func listen(_ channel: String) async -> AsyncStream<String> {
        let (stream, output) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingNewest(Connection.notificationLimit))
        let listener = Listener(settings: settings, channel: channel, output: output)
        await withCheckedContinuation { attempted in
            let task = Task { await listener.run { attempted.resume() } }
            output.onTermination = { _ in task.cancel() }
            listeners.withLock { $0.append(task) }
        }
        return stream
    }

    /// Ends idle connections and listeners at once, and connections in use when their statement or transaction is over. Whoever waits for
    /// one, or comes later, gets an error.
    package func close() async {
        gate.shut(Self.closed)
        for listener in listeners.withLock({ $0 }) { listener.cancel() }
        for connection in idle.withLock({ idle in
            defer { idle = [] }; return idle
        }) { await connection.close() }
    }

    private static let closed = PostgresError("08003", "this database is closed")

    // MARK: Pool

    /// Tries `use` on idle connections, then on a new one; nil from `use` says that the connection was dead and nothing has happened.
    private func withLiveConnection<T>(
        _ use: (Connection) async throws(PostgresError) -> T?
    ) async throws(PostgresError) -> (Connection, T) {
        while let connection = idle.withLock({ $0.popLast() }) {
            if let value = try await attempt(use, connection) { return (connection, value) }
        }
        let connection = try await open()
        guard let value = try await attempt(use, connection) else {
            throw PostgresError.lost("the server closes new connections at once")
        }
        return (connection, value)
    }

    private func attempt<T>(
        _ use: (Connection) async throws(PostgresError) -> T?, _ connection: Connection
    ) async throws(PostgresError) -> T? {
        do {
            return try await use(connection)
        } catch {
            putBack(connection)
            throw error
        }
    }

    private func putBack(_ connection: Connection) {
        // Dropping the last reference closes it.
        idle.withLock { if !gate.isShut { $0.append(connection) } }
    }

    /// A new connection. While the server restarts it is asked again and again, for as long as connecting may take.
    private func open() async throws(PostgresError) -> Connection {
        let deadline = ContinuousClock.now + settings.connectTimeout
        var backoff = Backoff(first: .milliseconds(20), limit: .milliseconds(500))
        while true {
            do {
                return try await Connection.open(settings)
            } catch  where error.isServerStarting && ContinuousClock.now < deadline {
                guard await backoff.wait() else { throw .cancelled }
            }
        }
    }
}

extension Connection {
    /// One statement outside transactions. One that begins a transaction nevertheless costs the connection.
    fileprivate func single(_ sql: SQL) async throws(PostgresError) -> Rows? {
        let rows = try await attempt(sql)
        if isInTransaction { close() }
        return rows
    }
}
