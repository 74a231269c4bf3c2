import HostalDatabase
import HostalTestKit
import Testing

@Suite("Transactions")
struct TransactionTests {
    private struct Refused: Error {}

    private func withTable(_ connections: Int = 2, _ body: (Database) async throws -> Void) async throws {
        try await withDatabase(connections: connections) { database async throws in
            _ = try await database.query("create table t (n int unique)")
            try await body(database)
        }
    }

    @Test("what the body did is there when it returns, and gone when it throws")
    func commitAndRollback() async throws {
        try await withTable(1) { database async throws in
            let value = try await database.transaction { transaction async throws in
                _ = try await transaction.query("insert into t values (1)")
                return "done"
            }
            #expect(value == "done")
            await #expect(throws: Refused.self) {
                try await database.transaction { transaction async throws in
                    _ = try await transaction.query("insert into t values (2)")
                    throw Refused()
                }
            }
            #expect(try await database.only("select array_agg(n::bigint) from t") == [Int64(1)])
        }
    }

    @Test("an error that the body swallows does not pass for a commit")
    func swallowed() async throws {
        try await withTable(1) { database async throws in
            let error = try await errorOf {
                try await database.transaction { transaction async throws in
                    _ = try await transaction.query("insert into t values (1)")
                    do { _ = try await transaction.query("select 1/0") } catch {}
                }
            }
            #expect(error.sqlState == "25P02")
            #expect(try await database.only("select count(*) from t") == 0)
        }
    }

    @Test("a transaction kept beyond its body reaches into no other one")
    func kept() async throws {
        try await withTable(1) { database async throws in
            let kept = try await database.transaction { $0 }
            try await database.transaction { _ async throws in
                try await expectError("25P01") { try await kept.query("insert into t values (1)") }
            }
            #expect(try await database.only("select count(*) from t") == 0)
        }
    }

    @Test("a body that is cancelled rolls back and leaves a good connection")
    func cancelled() async throws {
        try await withTable(1) { database async throws in
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await database.transaction { transaction async throws in
                    _ = try await transaction.query("insert into t values (1)")
                    start.yield()
                    try await Task.sleep(for: .seconds(600))
                }
            }
            for await _ in started { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await database.only("select count(*) from t") == 0)
        }
    }

    @Test("a deadlock is retriable")
    func deadlock() async throws {
        try await withTable { database async throws in
            _ = try await database.query("insert into t values (1), (2)")
            let met = Meeting()
            let errors = await withTaskGroup(of: PostgresError?.self) { group in
                for (first, second) in [(1, 2), (2, 1)] {
                    group.addTask {
                        do {
                            try await database.transaction { transaction async throws in
                                _ = try await transaction.query("select from t where n = \(first) for update")
                                await met.arrive()
                                _ = try await transaction.query("select from t where n = \(second) for update")
                            }
                            return nil
                        } catch { return error as? PostgresError }
                    }
                }
                return await group.reduce(into: []) { $0 += [$1].compactMap { $0 } }
            }
            #expect(errors.map(\.sqlState) == ["40P01"] && errors.allSatisfy { $0.isRetriable && !$0.isConnectionLost })
        }
    }

    @Test("a statement that begins a transaction behind the pool's back leaves none open")
    func stray() async throws {
        try await withTable(1) { database async throws in
            _ = try await database.query("begin")
            _ = try await database.query("insert into t values (1)")
            try await withDatabaseSeesCommitted(database)
        }
    }

    private func withDatabaseSeesCommitted(_ database: Database) async throws {
        let other = try await database.dedicated()
        #expect(try await other.query("select count(*) from t").first?.get(0) == 1)
        await other.close()
    }
}

/// Two tasks wait here for each other.
private actor Meeting {
    private var waiting: CheckedContinuation<Void, Never>?
    func arrive() async {
        if let waiting {
            waiting.resume()
        } else {
            await withCheckedContinuation { waiting = $0 }
        }
    }
}
