import HostalDatabase
import HostalTestKit
import Testing

/// A database of the test's own, and a way to it that is closed afterwards.
func withDatabase<T>(
    connections: Int = 4, connectionWait: Duration = .seconds(10), statementTimeout: Duration = .seconds(30),
    on cluster: PostgresCluster? = nil, _ body: (Database) async throws -> T
) async throws -> T {
    let server = if let cluster { cluster } else { try await PostgresCluster.shared() }
    let settings = DatabaseSettings(
        connection: try await server.makeDatabase(), applicationName: "hostal tests", maximumConnections: connections,
        connectTimeout: .seconds(20), statementTimeout: statementTimeout, connectionWait: connectionWait)
    let database = Database(settings)
    do {
        let value = try await body(database)
        await database.close()
        return value
    } catch {
        await database.close()
        throw error
    }
}

/// Asks until the answer is yes; fails the test after 20 s.
func eventually(_ what: Comment, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("not within 20 s: \(what)")
}

/// The error that `body` throws; fails the test if it throws none.
func errorOf<T>(_ body: () async throws -> T) async throws -> PostgresError {
    do {
        _ = try await body()
    } catch let error as PostgresError {
        return error
    }
    throw TestKitError("no error was thrown")
}

/// Fails the test unless `body` throws an error of this state.
func expectError<T>(_ sqlState: String, _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> T) async throws
{
    let error = try await errorOf(body)
    #expect(error.sqlState == sqlState, sourceLocation: location)
}

extension Database {
    func only<T: PostgresDecodable>(_ sql: SQL, as: T.Type = T.self) async throws -> T {
        try #require(try await query(sql).first).get(0)
    }

    /// How many statements containing `text` the server runs now, on other connections.
    func running(_ text: String) async throws -> Int {
        try await only(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and state = 'active' and query like '%' || \(text) || '%' and pid <> pg_backend_pid()
            """)
    }
}
