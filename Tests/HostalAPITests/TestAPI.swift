import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalTestKit
import Synchronization
import Testing

@testable import HostalAPI

/// An answer with its body read.
struct Reply: Sendable {
    var status: Int
    var headers: [String: String]
    var body: JSONValue
    var text: String
    var code: String? { body["error"]["code"].text }
    /// Names of the fields that an error is about.
    var fields: [String] { body["error"]["details"]["fields"].entries.compactMap { $0["name"].text } }
}

/// The API over a database of its own, with two accounts, two plans and an image.
final class TestAPI: Sendable {
    let database: Database
    let service: APIService
    let token: String
    let readOnly: String
    /// Another account's.
    let stranger: String
    /// Of operators' routes.
    let operatorToken: String

    static let steps = [
        "create-server": ["reserve-capacity", "await-guest"], "delete-server": ["stop-guest", "release-server"],
        "capture-image": ["copy-disk", "thaw-guest", "store-image"],
    ]
    static let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6zMDGaqLhmwXdWqlf2Fj4lvxkYjtQ7b2v4k2zI7r1X me@here"

    private init(_ database: Database, requestsPerHour: Int, consoles: FakeConsoles, limits: ConsoleLimits) async throws {
        self.database = database
        let small = Plan(
            name: "small", description: "", vcpus: 1, memory: Mebibytes(1_024), disk: Gibibytes(10), traffic: Gibibytes(1_024),
            portSpeed: MegabitsPerSecond(100), priceMonthly: "4.15", priceHourly: "0.007")
        var medium = small
        medium.name = "medium"
        medium.disk = Gibibytes(20)
        try await PlanCatalog(database: database).apply([small, medium])
        _ = try await database.query(
            """
            insert into hostal.images (name, digest, format, virtual_size, location)
            values ('debian-12', repeat('a', 64), 'qcow2', 3221225472, '/secret/place')
            """)
        let tokens = TokenStore(database: database)
        let mine = try await AccountStore(database: database).put(source: "test", reference: "me")
        let theirs = try await AccountStore(database: database).put(source: "test", reference: "them")
        token = try await tokens.create(account: mine, name: "all", access: .readWrite).token
        readOnly = try await tokens.create(account: mine, name: "read", access: .read).token
        stranger = try await tokens.create(account: theirs, name: "all", access: .readWrite).token
        operatorToken = try await OperatorTokenStore(database).create(name: "ada", access: .readWrite).token
        let box = LogBox()
        service = APIService(
            database: database, settings: APISettings(port: 0, requestsPerHour: requestsPerHour), steps: Self.steps,
            consoles: consoles, consoleLimits: limits, report: { box.add($0) })
        self.box = box
    }

    /// The same behind a certificate, on any free port.
    func service(with certificate: ServerCertificate) -> APIService {
        APIService(
            database: database, settings: APISettings(port: 0, certificate: certificate), steps: Self.steps, report: { _ in })
    }

    private let box: LogBox
    var lines: [String] { box.lines.withLock { $0 } }

    private final class LogBox: Sendable {
        let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    static func use(
        requestsPerHour: Int = 1_000_000, connections: Int = 8, consoles: FakeConsoles = FakeConsoles(),
        limits: ConsoleLimits = ConsoleLimits(), _ body: (TestAPI) async throws -> Void
    ) async throws {
        let connection = try await PostgresCluster.shared().makeDatabase()
        let database = Database(
            DatabaseSettings(
                connection: connection, applicationName: "api tests", maximumConnections: connections,
                connectionWait: .seconds(60)))
        do {
            try await body(
                try await TestAPI(database, requestsPerHour: requestsPerHour, consoles: consoles, limits: limits))
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }

    func call(
        _ method: String, _ path: String, _ body: String = "", token: String? = nil, key: String? = nil,
        authorization: String? = nil
    ) async throws -> Reply {
        let parts = path.split(separator: "?", maxSplits: 1)
        let answer = await service.answer(
            APIRequest(
                method: method, path: String(parts[0]), query: parts.count == 2 ? String(parts[1]) : "",
                authorization: authorization ?? "Bearer \(token ?? self.token)", idempotencyKey: key, body: Array(body.utf8)))
        let text = String(decoding: answer.body, as: UTF8.self)
        return Reply(
            status: answer.status, headers: Dictionary(answer.headers.map { ($0.name, $0.value) }) { $1 },
            body: text.isEmpty ? .null : try JSONDecoder().decode(JSONValue.self, from: Data(answer.body)), text: text)
    }

    func get(_ path: String) async throws -> JSONValue {
        let reply = try await call("GET", path)
        #expect(reply.status == 200, "\(path): \(reply.text)")
        return reply.body
    }

    /// Orders a server and returns its number.
    @discardableResult
    func create(_ name: String, _ more: String = "", token: String? = nil) async throws -> Int {
        let reply = try await call("POST", "/v1/servers", Self.createBody(name, more), token: token)
        #expect(reply.status == 201, "\(reply.text)")
        return try #require(reply.body["server"]["id"].number)
    }

    static func createBody(_ name: String, _ more: String = "") -> String {
        #"{"name": "\#(name)", "server_type": "small", "image": "debian-12"\#(more)}"#
    }

    /// What workers would do: every open job and its order succeeds, and what was created runs.
    func finishAll() async throws {
        _ = try await database.query(
            "update hostal.jobs set state = 'succeeded', finished_at = now() where state in ('open', 'queued')")
        _ = try await database.query(
            "update hostal.orders set state = 'succeeded', started_at = now(), finished_at = now() where state in ('queued', 'running')"
        )
        _ = try await database.query("update hostal.servers set state = 'running' where state = 'creating'")
    }

    /// The same, and of every image that is being made it becomes known what it is: 2 GiB that need a disk of 4.
    func finishImages() async throws {
        _ = try await database.query(
            """
            update hostal.images
               set digest = repeat('b', 64), format = 'qcow2', virtual_size = 4::bigint << 30, bytes = 2::bigint << 30,
                   location = '/secret/image', active = true where digest is null and deleted_at is null
            """)
        try await finishAll()
    }

    /// One that is made of a server.
    func image(of server: Int, _ body: String = "") async throws -> Int {
        let reply = try await call("POST", "/v1/servers/\(server)/actions/create_image", body)
        #expect(reply.status == 201, "\(reply.text)")
        try await finishImages()
        return try #require(reply.body["image"]["id"].number)
    }

    func running(_ name: String, _ more: String = "") async throws -> Int {
        let number = try await create(name, more)
        try await finishAll()
        return number
    }

    /// One that runs on a host.
    func placed(_ name: String, _ more: String = "") async throws -> Int {
        let number = try await running(name, more)
        _ = try await database.query(
            "insert into hostal.hosts (name, vcpus, memory_mib) values ('kvm-1', 9, 9) on conflict do nothing")
        _ = try await database.query(
            "update hostal.servers set host_id = (select id from hostal.hosts limit 1) where id = \(Int64(number))")
        return number
    }

    func count(_ table: String) async throws -> Int {
        try #require(try await database.query("select count(*) from hostal.\(unsafe: table)").first).get(0)
    }
}
