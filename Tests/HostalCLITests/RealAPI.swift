import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalSystem
import HostalTestKit

/// A `hostald api` process with a database of its own, one account, one plan, one image, and a token made by `hostalctl`.
struct RealAPI: Sendable {
    let database: Database
    let connection: String
    let address: String
    let token: String
    let readOnly: String

    static func use(_ body: (RealAPI) async throws -> Void) async throws {
        let connection = try await PostgresCluster.shared().makeDatabase()
        let database = Database(DatabaseSettings(connection: connection, applicationName: "cli tests", maximumConnections: 2))
        let directory = "/tmp/hostal-cli-\(UUID().uuidString.lowercased())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        var server: ChildProcess?
        func end() async {
            await server?.kill9()
            await database.close()
            try? FileManager.default.removeItem(atPath: directory)
        }
        do {
            try await fill(database)
            try "host: here\ndatabase: \"\(connection)\"\napi:\n  listen: \"127.0.0.1:0\"\n  requests_per_hour: 1000000\n"
                .write(toFile: directory + "/hostald.yaml", atomically: false, encoding: .utf8)
            let log = directory + "/log"
            server = try await ChildProcess.start(
                program("hostald"), ["api", "--config", directory + "/hostald.yaml"], output: log)
            var port: Substring?
            try await waitUntil("the API is ready") {
                guard let data = try? Data(contentsOf: URL(filePath: log)) else { return false }
                let text = String(decoding: data, as: UTF8.self)
                port = text.firstRange(of: "127.0.0.1 port ").map { text[$0.upperBound...].prefix { $0.isNumber } }
                return port?.isEmpty == false
            }
            func make(_ words: String...) async throws -> String {
                try await Command(program("hostalctl"), words + ["--database", connection], timeout: .seconds(30)).run()
            }
            _ = try await make("account", "create", "me")
            let token = try await make("token", "create", "--account", "1", "--name", "all")
            let readOnly = try await make("token", "create", "--account", "1", "--name", "read", "--read-only")
            try await body(
                RealAPI(
                    database: database, connection: connection, address: "http://127.0.0.1:\(port ?? "")",
                    token: token.filter { !$0.isNewline },
                    readOnly: readOnly.filter { !$0.isNewline }))
            await end()
        } catch {
            await end()
            throw error
        }
    }

    private static func program(_ name: String) -> String { String(Runs.program.dropLast("hostal".count)) + name }

    private static func fill(_ database: Database) async throws {
        let small = Plan(
            name: "small", description: "", vcpus: 1, memory: Mebibytes(1_024), disk: Gibibytes(10), traffic: Gibibytes(1_024),
            portSpeed: MegabitsPerSecond(100), priceMonthly: "4.15", priceHourly: "0.007")
        try await PlanCatalog(database: database).apply([small])
        _ = try await database.query(
            """
            insert into hostal.images (name, digest, format, virtual_size, location)
            values ('debian-12', repeat('a', 64), 'qcow2', 3221225472, '/secret/place')
            """)
    }

    func hostal(
        _ words: [String], token: String? = nil, input: String = "", whileRunning: (pid_t) async throws -> Void = { _ in }
    ) async throws -> CommandRun {
        var variables = Runs.environment(nil)
        variables["HOSTAL_ENDPOINT"] = address
        variables["HOSTAL_TOKEN"] = token ?? self.token
        return try await CommandRun.run(Runs.program, words, environment: variables, input: input, whileRunning: whileRunning)
    }

    func hostal(
        _ words: String..., input: String = "", whileRunning: (pid_t) async throws -> Void = { _ in }
    ) async throws -> CommandRun { try await hostal(words, input: input, whileRunning: whileRunning) }

    /// What the operators' command prints. Throws when it fails.
    func hostalctl(_ words: String...) async throws -> String {
        try await Command(Self.program("hostalctl"), words + ["--database", connection], timeout: .seconds(30)).run()
    }

    /// What a worker would do: every open order succeeds. `host` gives the server addresses and a disk with its host keys.
    func finish(host: Bool = false, deleting: Bool = false) async throws {
        try await run("update hostal.jobs set state = 'succeeded', finished_at = now() where state in ('open', 'queued')")
        if host {
            try await run(
                """
                insert into hostal.volumes (server_id, generation, state, image_id, instance_id, disk, host_keys)
                select id, generation, 'active', image_id, 'i', '{}', '{ssh-ed25519 AAAAhost}' from hostal.servers
                """)
            try await run("insert into hostal.networks (name, bridge) values ('public', 'br0')")
            try await run(
                """
                insert into hostal.address_ranges (network_id, subnet, gateway)
                values (1, '192.0.2.0/24', '192.0.2.1'), (1, '2001:db8::/64', '2001:db8::1')
                """)
            try await run(
                """
                insert into hostal.addresses (range_id, ip, state, server_id)
                select r.id, ip, 'assigned', s.id from hostal.address_ranges r, hostal.servers s,
                       (values ('192.0.2.10'::inet), ('2001:db8::10')) a (ip) where ip << r.subnet
                """)
        }
        if deleting { try await run("update hostal.servers set state = 'deleted'") }
        try await run("update hostal.servers set state = 'running' where state = 'creating'")
        try await run(
            "update hostal.orders set state = 'succeeded', started_at = now(), finished_at = now() where state in ('queued', 'running')"
        )
    }

    /// The same, and what is being made of servers' disks is known: 2 GiB that need a disk of 4.
    func finishImages() async throws {
        try await run(
            """
            update hostal.images
               set digest = repeat('b', 64), format = 'qcow2', virtual_size = 4::bigint << 30, bytes = 2::bigint << 30,
                   location = '/secret/image', active = true where digest is null and deleted_at is null
            """)
        try await finish()
    }

    func end(_ order: String, as state: String) async throws {
        guard let id = Int64(order) else { throw TestKitError("no order's number: '\(order)'") }
        try await run("update hostal.jobs set state = '\(unsafe: state)', finished_at = now() where order_id = \(id)")
        try await run(
            """
            update hostal.orders set state = '\(unsafe: state)', started_at = now(), finished_at = now(),
                   error = '{"code": "resource_unavailable", "message": "cannot place the server: no room"}' where id = \(id)
            """)
    }

    func count(_ what: String) async throws -> Int64 {
        guard let row = try await database.query("select count(*) from hostal.\(unsafe: what)").first else { return 0 }
        return try row.get(0)
    }

    func number(of server: String) async throws -> Int64 {
        guard let row = try await database.query("select id from hostal.servers where name = \(server)").first else {
            throw TestKitError("no server '\(server)'")
        }
        return try row.get(0)
    }

    private func run(_ sql: SQL) async throws { _ = try await database.query(sql) }
}
