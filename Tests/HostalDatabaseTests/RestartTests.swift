import HostalDatabase
import HostalTestKit
import Testing

/// These stop the server: it is their own.
@Suite("When the server restarts", .serialized)
struct RestartTests {
    @Test("statements before and after it succeed", arguments: [false, true])
    func between(immediate: Bool) async throws {
        let cluster = try await PostgresCluster()
        defer { cluster.stop() }
        try await withDatabase(on: cluster) { database async throws in
            // Several idle connections, all of which die.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 { group.addTask { _ = try await database.query("select pg_sleep(0.05)") } }
                try await group.waitForAll()
            }
            try await cluster.restart(immediate: immediate)
            #expect(try await database.only("select 1") == 1)
            try await cluster.restart(immediate: immediate)
            #expect(try await database.transaction { try await $0.query("select 2").first?.get(0) } == 2)
        }
    }

    @Test("a statement that was running says that its outcome is unknown, and the next one works", arguments: [false, true])
    func during(immediate: Bool) async throws {
        let cluster = try await PostgresCluster()
        defer { cluster.stop() }
        try await withDatabase(on: cluster) { database async throws in
            let single = Task { try await database.query("select pg_sleep(600), 'single'") }
            let double = Task { try await database.transaction { try await $0.query("select pg_sleep(600), 'double'") } }
            try await eventually("both run") {
                let single = try await database.running("single")
                return try await single + database.running("double") == 2
            }
            try await cluster.restart(immediate: immediate)
            for task in [single, double] {
                let error = try await errorOf { try await task.value }
                #expect(error.isConnectionLost && error.isRetriable && !error.isCancellation)
            }
            #expect(try await database.only("select 1") == 1)
        }
    }

    @Test("a statement that comes while it is down waits for it")
    func whileDown() async throws {
        let cluster = try await PostgresCluster()
        defer { cluster.stop() }
        try await withDatabase(on: cluster) { database async throws in
            _ = try await database.query("select 1")
            try await cluster.shutDown(immediate: false)
            let late = Task { try await database.only("select 2", as: Int.self) }
            try await cluster.start()
            #expect(try await late.value == 2)
        }
    }

    @Test("a listener hears of it and goes on listening")
    func listening() async throws {
        let cluster = try await PostgresCluster()
        defer { cluster.stop() }
        try await withDatabase(on: cluster) { database async throws in
            var notes = await database.listen("Odd \"name\"").makeAsyncIterator()
            func send(_ text: String) async throws { _ = try await database.query("select pg_notify('Odd \"name\"', \(text))") }
            try await send("one")
            #expect(await notes.next() == "one")
            try await cluster.restart(immediate: true)
            #expect(await notes.next() == "")
            try await send("two")
            #expect(await notes.next() == "two")
        }
    }

    @Test("a listener that starts while the server is down says when it has begun")
    func listeningEarly() async throws {
        let cluster = try await PostgresCluster()
        defer { cluster.stop() }
        try await withDatabase(on: cluster) { database async throws in
            try await cluster.shutDown(immediate: true)
            var notes = await database.listen("jobs").makeAsyncIterator()
            try await cluster.start()
            #expect(await notes.next() == "")
        }
    }
}

@Suite("Listening")
struct ListeningTests {
    @Test("ends when the stream is dropped")
    func dropped() async throws {
        try await withDatabase { database async throws in
            func listeners() async throws -> Int {
                try await database.only(
                    "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %'")
            }
            do {
                let stream = await database.listen("jobs")
                #expect(try await listeners() == 1)
                _ = stream
            }
            try await eventually("the listener's connection is closed") { try await listeners() == 0 }
        }
    }

    @Test("ends when the database is closed")
    func closed() async throws {
        try await withDatabase { database async throws in
            let stream = await database.listen("jobs")
            await database.close()
            for await _ in stream {}
        }
    }
}
