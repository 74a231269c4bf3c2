import FoundationEssentials
import Glibc
import HostalDatabase
import HostalSystem
import Synchronization

/// A PostgreSQL server of the tests' own: in a temporary directory, on a unix socket, as user `postgres` when the tests run as root.
///
/// It ends with the process that made it, even if that is killed: a supervising shell waits for the end of a pipe that only this process holds,
/// then stops the server and removes the directory.
package final class PostgresCluster: Sendable {
    private let directory: String
    private let programs: String
    private let supervisor: Supervisor
    /// Made at first use, by one caller; the others wait for it.
    private let template = Mutex<Task<String, any Error>?>(nil)

    private static let sharedCluster = Task { try await PostgresCluster() }
    /// For `pg_ctl` to start or stop the server, in seconds.
    private static let controlTimeout = 60

    /// The server that suites share unless they break it.
    package static func shared() async throws -> PostgresCluster { try await sharedCluster.value }

    /// A server for one suite. `durable` keeps fsync on, for tests that pull the plug.
    package init(durable: Bool = false) async throws {
        programs = try Self.newestPrograms()
        directory = try Self.makeDirectory()
        supervisor = try Supervisor(
            directory: directory, stop: Self.asPostgres(["\(programs)/pg_ctl", "-D", "\(directory)/data"]))
        try await run([
            "\(programs)/initdb", "-D", "\(directory)/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
            "-N",
        ])
        var settings = [
            "listen_addresses = ''", "unix_socket_directories = '\(directory)'", "max_connections = 200", "shared_buffers = 64MB",
            "jit = off",
            "max_prepared_transactions = 10",
        ]
        if !durable { settings += ["fsync = off", "full_page_writes = off", "synchronous_commit = off"] }
        let file = "\(directory)/data/postgresql.auto.conf"
        try (settings.joined(separator: "\n") + "\n").write(toFile: file, atomically: false, encoding: .utf8)
        try await control("start")
    }

    /// The connection string of a database; `postgres` always exists.
    package func connection(to database: String = "postgres") -> String { "host=\(directory) user=postgres dbname=\(database)" }

    /// The connection string of a fresh database with Hostal's schema: a copy of one that was migrated once.
    package func makeDatabase() async throws -> String {
        let task = template.withLock { task in
            let running = task ?? Task { try await makeTemplate() }
            task = running
            return running
        }
        let template = try await task.value
        let name = Self.newName()
        try await administer("create database \(unsafe: name) template \(unsafe: template)")
        return connection(to: name)
    }

    /// The connection string of a database without any schema.
    package func makeEmptyDatabase() async throws -> String {
        let name = Self.newName()
        try await administer("create database \(unsafe: name) template template0")
        return connection(to: name)
    }

    /// Stops the server and starts it again on the same data. `immediate` is a crash: nothing is written, the start recovers.
    package func restart(immediate: Bool) async throws {
        try await control("restart", ["-m", immediate ? "immediate" : "fast"])
    }

    /// Stops the server until `start`.
    package func shutDown(immediate: Bool) async throws {
        try await control("stop", ["-m", immediate ? "immediate" : "fast"])
    }

    package func start() async throws { try await control("start") }

    /// Ends the server and removes its data. Waits for both.
    package func stop() { supervisor.end() }

    /// Where its data and its socket are.
    package var path: String { directory }

    // MARK: Parts

    private func makeTemplate() async throws -> String {
        let name = Self.newName()
        try await administer("create database \(unsafe: name) template template0")
        let database = Database(DatabaseSettings(connection: connection(to: name), applicationName: "template"))
        _ = try await Migrator(database).migrate()
        await database.close()
        return name
    }

    private func administer(_ sql: SQL) async throws {
        let database = Database(DatabaseSettings(connection: connection(), applicationName: "test kit", maximumConnections: 1))
        _ = try await database.query(sql)
        await database.close()
    }

    private func control(_ verb: String, _ options: [String] = []) async throws {
        try await run(
            [
                "\(programs)/pg_ctl", verb, "-D", "\(directory)/data", "-w", "-s", "-t", "\(Self.controlTimeout)", "-l",
                "\(directory)/data/log",
            ]
                + options)
    }

    private func run(_ words: [String]) async throws {
        let words = Self.asPostgres(words)
        _ = try await Command(words[0], Array(words.dropFirst()), timeout: .seconds(Self.controlTimeout + 10)).run()
    }

    private static func asPostgres(_ words: [String]) -> [String] {
        geteuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + words : words
    }

    private static func newName() -> String { "t" + UUID().uuidString.lowercased().filter { $0 != "-" } }

    private static func newestPrograms() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: root).compactMap { Int($0) }
        guard let newest = versions.max() else { throw TestKitError("no PostgreSQL under \(root): install postgresql-15") }
        return "\(root)/\(newest)/bin"
    }

    /// Reachable by root and postgres, and short enough for a socket's name.
    private static func makeDirectory() throws -> String {
        var name = Array("/tmp/hostal-postgres-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw TestKitError("cannot make a directory in /tmp: error \(errno)") }
        let path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        if geteuid() == 0 {
            guard let user = getpwnam("postgres"), chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw TestKitError("cannot give '\(path)' to user postgres")
            }
        }
        return path
    }
}

/// What the test kit could not set up.
package struct TestKitError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
