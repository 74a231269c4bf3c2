import HostalTestKit
import Testing

@testable import HostalDatabase

@Suite("Migrations")
struct MigratorTests {
    private func withEmpty(_ body: (Database) async throws -> Void) async throws {
        let cluster = try await PostgresCluster.shared()
        let database = Database(
            DatabaseSettings(connection: try await cluster.makeEmptyDatabase(), applicationName: "migrator tests"))
        do { try await body(database) } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    private let one = Migration(name: "0001_one", text: Array("create table a (n int); insert into a values (1);".utf8))
    private let two = Migration(name: "0002_two", text: Array("insert into a values (2)".utf8))

    @Test("this program's own migrations run once, and are then not pending")
    func ours() async throws {
        try await withEmpty { database async throws in
            let migrator = Migrator(database)
            let all = Migration.all.map(\.name)
            #expect(try await migrator.pending() == all)
            #expect(try await migrator.migrate() == all)
            #expect(try await migrator.pending() == [])
            #expect(try await migrator.migrate() == [])
        }
    }

    @Test("a new migration runs alone")
    func later() async throws {
        try await withEmpty { database async throws in
            #expect(try await Migrator(database, migrations: [one]).migrate() == ["0001_one"])
            #expect(try await Migrator(database, migrations: [one, two]).pending() == ["0002_two"])
            #expect(try await Migrator(database, migrations: [one, two]).migrate() == ["0002_two"])
            #expect(try await database.only("select array_agg(n::bigint order by n) from a") == [Int64(1), 2])
        }
    }

    @Test("two migrators at once run each migration once")
    func together() async throws {
        try await withEmpty { database async throws in
            let migrations = [one, two]
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<4 { group.addTask { try await Migrator(database, migrations: migrations).migrate() } }
                return try await group.reduce([], +)
            }
            #expect(applied.sorted() == ["0001_one", "0002_two"])
            #expect(try await database.only("select count(*) from a") == 2)
        }
    }

    @Test("an applied migration whose text has changed is refused by name, and nothing runs")
    func changed() async throws {
        try await withEmpty { database async throws in
            _ = try await Migrator(database, migrations: [one]).migrate()
            var edited = one
            edited.text += Array(" ".utf8)
            let migrator = Migrator(database, migrations: [edited, two])
            let error = await #expect(throws: MigrationChanged.self) { try await migrator.migrate() }
            #expect(error?.name == "0001_one")
            #expect(try await database.only("select count(*) from a") == 1)
        }
    }

    @Test(
        "a migration that fails or ends its own transaction is not recorded",
        arguments: ["create table b (n int); select 1/0", "create table b (n int); rollback"])
    func failing(_ text: String) async throws {
        try await withEmpty { database async throws in
            let bad = Migration(name: "0002_bad", text: Array(text.utf8))
            await #expect(throws: PostgresError.self) { try await Migrator(database, migrations: [one, bad]).migrate() }
            #expect(try await Migrator(database, migrations: [one, bad]).pending() == ["0002_bad"])
            #expect(try await database.only("select to_regclass('b') is null", as: Bool.self))
        }
    }
}
