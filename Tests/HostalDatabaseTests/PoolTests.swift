import HostalDatabase
import HostalTestKit
import Testing

@Suite("The pool")
struct PoolTests {
    @Test("never opens more connections than it may, and everybody gets a turn")
    func bound() async throws {
        try await withDatabase(connections: 3) { database async throws in
            let pids = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<60 { group.addTask { try await database.only("select pg_backend_pid() from pg_sleep(0.005)") } }
                return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
            }
            #expect(pids.count <= 3)
            #expect(
                try await database.only("select count(*) from pg_stat_activity where datname = current_database()", as: Int.self)
                    <= 3)
        }
    }

    @Test("who finds no free connection in time is told so, and it is not too late for the next")
    func wait() async throws {
        try await withDatabase(connections: 1, connectionWait: .milliseconds(50)) { database async throws in
            try await database.transaction { _ async throws in
                let error = try await errorOf { try await database.query("select 1") }
                #expect(error.sqlState == "53300" && error.isRetriable && !error.isConnectionLost)
            }
            #expect(try await database.only("select 1") == 1)
        }
    }

    @Test("a task that is cancelled while it waits gets out and takes no place with it")
    func cancelledWaiter() async throws {
        try await withDatabase(connections: 1, connectionWait: .seconds(600)) { database async throws in
            try await database.transaction { _ async throws in
                let waiter = Task { try await database.query("select 1") }
                waiter.cancel()
                let error = try await errorOf { try await waiter.value }
                #expect(error.isCancellation)
            }
            #expect(try await database.only("select 1") == 1)
        }
    }

    @Test("after close everybody is refused, at once")
    func closed() async throws {
        try await withDatabase { database async throws in
            _ = try await database.query("select 1")
            await database.close()
            await database.close()
            try await expectError("08003") { try await database.query("select 1") }
            try await expectError("08003") { try await database.dedicated() }
        }
    }

    @Test("a server that is not there is reported within the time limit, and a wrong database at once")
    func unreachable() async throws {
        let start = ContinuousClock.now
        let nowhere = Database(
            DatabaseSettings(connection: "host=/nonexistent", applicationName: "t", connectTimeout: .milliseconds(300)))
        let error = try await errorOf { try await nowhere.query("select 1") }
        #expect(error.sqlState == "08001" && error.isConnectionLost)
        #expect(ContinuousClock.now - start < .seconds(5))

        let cluster = try await PostgresCluster.shared()
        let wrong = Database(
            DatabaseSettings(connection: cluster.connection(to: "no_such"), applicationName: "t", connectTimeout: .seconds(600)))
        let unknown = try await errorOf { try await wrong.query("select 1") }
        #expect(unknown.message.contains("no_such"))
        for text in ["host=127.0.0.1 port=1", "no such thing", "host=a host=b port=x"] {
            let bad = Database(DatabaseSettings(connection: text, applicationName: "t", connectTimeout: .milliseconds(200)))
            let lost = try await errorOf { try await bad.query("select 1") }
            #expect(lost.isConnectionLost)
        }
    }
}
