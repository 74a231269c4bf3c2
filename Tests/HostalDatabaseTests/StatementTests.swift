import HostalDatabase
import HostalProvisioning
import HostalTestKit
import Testing

@Suite("Statements")
struct StatementTests {
    @Test("interpolation binds values and never pastes them")
    func binding() async throws {
        let hostile = "x'; drop table hostal.schema_migrations; --"
        let sql: SQL = "select \(hostile), \(1)"
        #expect(sql.text == "select $1, $2")
        try await withDatabase { database async throws in
            #expect(try await database.only(sql) == hostile)
            #expect(try await database.only("select to_regclass('hostal.schema_migrations') is not null", as: Bool.self))
            // The same text with values of other types is another statement.
            #expect(try await database.only("select \(1)", as: Int.self) == 1)
            #expect(try await database.only("select \("one")", as: String.self) == "one")
        }
    }

    @Test("an error says what, where and by which constraint, and its description hides values")
    func errors() async throws {
        try await withDatabase { database async throws in
            _ = try await database.query(
                "create table t (name text constraint short check (length(name) < 9), n int constraint once unique)")
            #expect(try await database.query("insert into t values ('secret', 1)").affected == 1)
            let twice = try await errorOf { try await database.query("insert into t values (\("secret"), \(1))") }
            #expect(twice.sqlState == "23505" && twice.constraint == "once" && twice.table == "t")
            #expect(twice.detail == "Key (n)=(1) already exists.")
            #expect(twice.statement == "insert into t values ($1, $2)")
            #expect(!twice.isConnectionLost && !twice.isRetriable)

            let syntax = try await errorOf { try await database.query("select froom t") }
            #expect(syntax.sqlState == "42703" && syntax.position == 8)

            let value = try await errorOf { try await database.query("select \("hunter2")::int") }
            #expect(value.sqlState == "22P02" && value.message.contains("hunter2"))
            for error in [twice, value, syntax] {
                #expect(!"\(error)".contains("secret") && !"\(error)".contains("hunter2"))
                let failure = Failure("cannot record this order", error)
                #expect(failure.message.hasPrefix("cannot record this order: ") && !failure.description.contains("hunter2"))
            }
            #expect(Failure("cannot record this order", value).kind == .permanent)
        }
    }

    @Test("a statement goes on when the table behind it has changed")
    func changedTable() async throws {
        try await withDatabase(connections: 1) { database async throws in
            _ = try await database.query("create table t (n int)")
            _ = try await database.query("insert into t values (1)")
            #expect(try await database.query("select * from t").first?.get(0) == 1)
            _ = try await database.query("alter table t alter n type text using 'n' || n")
            #expect(try await database.query("select * from t").first?.get(0) == "n1")
            _ = try await database.query("deallocate all")
            #expect(try await database.query("select * from t").first?.get(0) == "n1")
        }
    }

    @Test("more statements than are kept prepared still work")
    func manyStatements() async throws {
        try await withDatabase(connections: 1) { database async throws in
            for number in 0..<1_100 {
                #expect(try await database.only("select \(number) + \(unsafe: "\(number)")") == 2 * number)
            }
            #expect(try await database.only("select count(*) from pg_prepared_statements", as: Int.self) <= 500)
        }
    }

    @Test("a statement that takes too long is ended by the server, and the connection lives on")
    func timeout() async throws {
        try await withDatabase(connections: 1, statementTimeout: .milliseconds(100)) { database async throws in
            let pid: Int = try await database.only("select pg_backend_pid()")
            let error = try await errorOf { try await database.query("select pg_sleep(30)") }
            #expect(error.sqlState == "57014" && !error.isCancellation && !error.isConnectionLost)
            #expect(try await database.only("select pg_backend_pid()") == pid)
        }
    }

    @Test("a cancelled task gets out at once and the server ends its statement")
    func cancellation() async throws {
        try await withDatabase(connections: 2) { database async throws in
            let sleeper = Task { try await database.query("select pg_sleep(600), 'sleeper'") }
            try await eventually("the statement runs") { try await database.running("sleeper") == 1 }
            let start = ContinuousClock.now
            sleeper.cancel()
            let error = try await errorOf { try await sleeper.value }
            #expect(error.isCancellation && ContinuousClock.now - start < .seconds(2))
            try await eventually("the server notices") { try await database.running("sleeper") == 0 }
            // Both places of the pool are still good for something.
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 { group.addTask { try await database.only("select \(number)") } }
                return try await group.reduce(0, +)
            }
            #expect(sum == 28)
        }
    }

    @Test("a task that is cancelled before it asks sends nothing")
    func cancelledBefore() async throws {
        try await withDatabase(connections: 1) { database async throws in
            _ = try await database.query("create table t (n int)")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await database.query("insert into t values (1)")
            }
            let error = try await errorOf { try await task.value }
            #expect(error.isCancellation)
            #expect(try await database.only("select count(*) from t") == 0)
        }
    }

    @Test("a task may live on the database's own thread")
    func executor() async throws {
        try await withDatabase { database async throws in
            let sum = try await Task(executorPreference: database.executor) {
                var sum = 0
                for number in 0..<500 { sum += try await database.only("select \(number)", as: Int.self) }
                return sum
            }.value
            #expect(sum == 124_750)
        }
    }

    @Test("a connection of one's own runs the statements of several tasks one after another")
    func sharedConnection() async throws {
        try await withDatabase { database async throws in
            let connection = try await database.dedicated()
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<100 {
                    group.addTask { try await connection.query("select \(number)").first?.get(0) ?? -1 }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 4_950)
            await connection.close()
            await connection.close()
            let lost = try await errorOf { try await connection.query("select 1") }
            #expect(lost.isConnectionLost)
        }
    }
}
