import FoundationEssentials
import HostalDatabase
import HostalModel
import Testing

@testable import HostalAPI

/// The document says what the API does, and the API does what the document says.
@Suite struct OpenAPITests {
    private static let document: JSONValue = {
        do { return try JSONDecoder().decode(JSONValue.self, from: Data(PackageResources.openapi_json)) } catch { return .null }
    }()

    private static var operations: [(method: String, path: String, operation: JSONValue)] {
        document["paths"].fields.flatMap { path, item in
            item.fields.filter { $0.key != "parameters" }.map { ($0.key.uppercased(), path, $0.value) }
        }
    }

    @Test func everyRouteIsDocumentedAndEveryDocumentedOperationIsARoute() {
        let routes = Set(Endpoint.all.map { "\($0.method) \($0.path)" })
        let documented = Set(Self.operations.map { "\($0.method) \($0.path)" })
        #expect(routes.count == Endpoint.all.count, "a route is there twice")
        #expect(routes.subtracting(documented).isEmpty)
        #expect(documented.subtracting(routes).isEmpty)
    }

    @Test func whatIsDocumentedAsNotThereYetIsAbsentAndNothingElse() {
        let absent = Set(
            Endpoint.all.filter { if case .absent = $0.work { true } else { false } }.map { "\($0.method) \($0.path)" })
        let documented = Set(
            Self.operations.filter { $0.operation["responses"]["501"] != .null }.map { "\($0.method) \($0.path)" })
        #expect(absent == documented)
    }

    /// Each operation is called on a server, key, address and so on that is there.
    @Test func everyOperationAnswersAsItsSchemaSays() async throws {
        try await TestAPI.use { api in
            let check = SchemaCheck(document: Self.document)
            #expect(Self.operations.count > 100)
            for (method, path, operation) in Self.operations.sorted(by: { ($0.path, $0.method) < ($1.path, $1.method) }) {
                let numbers = try await Self.objects(api)
                let action = path.hasPrefix("/v1/images") ? numbers.imageAction : numbers.action
                var sent = path.replacing("{name}", with: "attach").replacing("{action}", with: "\(action)")
                let object =
                    switch path.split(separator: "/")[1] {
                    case "ssh_keys": numbers.key
                    case "actions": numbers.action
                    case "primary_ips": numbers.address
                    case "images": path.hasPrefix("/v1/images/actions") ? action : numbers.image
                    case "admin": Self.operatorsObject(path, numbers)
                    case "servers": path.hasPrefix("/v1/servers/actions") ? numbers.action : numbers.server
                    default: 1
                    }
                sent = sent.replacing("{id}", with: "\(object)")
                if sent.contains("{session}") {
                    let opened = try await api.call("POST", "/v1/servers/\(numbers.server)/console", #"{"force": true}"#)
                    sent = sent.replacing("{session}", with: "\(opened.body["console"]["id"].number ?? 0)")
                }
                let reply = try await api.call(
                    method, sent, Self.bodies[path.split(separator: "/").last.map(String.init) ?? ""] ?? "{}",
                    token: Self.token(for: path, api))
                #expect(reply.status != 404 && reply.status != 405, "\(method) \(path)")
                let responses = operation["responses"]
                var response = responses["\(reply.status)"]
                if response == .null { response = responses["default"] }
                if let reference = response["$ref"].text { response = check.resolve(reference) }
                let schema = response["content"]["application/json"]["schema"]
                // A refusal is right where we have nothing to undo; everything else must succeed.
                let mayRefuse = responses["501"] != .null || Self.needsMore(path)
                #expect(reply.status < 300 || mayRefuse, "\(method) \(path): \(reply.status) \(reply.text)")
                if reply.status == 204 || response["content"]["application/octet-stream"] != .null {
                    #expect(reply.text.isEmpty)
                } else {
                    #expect(schema != .null, "\(method) \(path) has no schema for \(reply.status)")
                    #expect(check.problems(reply.body, schema) == [], "\(method) \(path)")
                }
            }
        }
    }

    @Test func aDryRunAnswersAsItsSchemaSays() async throws {
        try await TestAPI.use { api in
            let check = SchemaCheck(document: Self.document)
            for (method, path, operation) in Self.operations where operation["responses"]["501"] == .null && method != "GET" {
                let numbers = try await Self.objects(api)
                let own =
                    switch path.split(separator: "/")[1] {
                    case "ssh_keys": numbers.key
                    case "images": numbers.image
                    default: numbers.server
                    }
                let object = APIService.isOperators(path) ? Self.operatorsObject(path, numbers) : own
                var session = ""
                if path.contains("{session}") {
                    let opened = try await api.call("POST", "/v1/servers/\(numbers.server)/console", #"{"force": true}"#)
                    session = "\(opened.body["console"]["id"].number ?? 0)"
                }
                let reply = try await api.call(
                    method, path.replacing("{id}", with: "\(object)").replacing("{session}", with: session) + "?dry_run=true",
                    Self.bodies[path.split(separator: "/").last.map(String.init) ?? ""] ?? "{}", token: Self.token(for: path, api)
                )
                if Self.needsMore(path) { continue }
                #expect(reply.status == 200, "\(method) \(path): \(reply.text)")
                #expect(check.problems(reply.body, check.resolve("#/components/schemas/DryRunAnswer")) == [], "\(method) \(path)")
            }
        }
    }

    @Test func theCheckFindsWhatIsWrong() {
        let check = SchemaCheck(document: Self.document)
        let schema = check.resolve("#/components/schemas/ServerProtection")
        #expect(check.problems(.object(["delete": .bool(true), "rebuild": .bool(false)]), schema) == [])
        #expect(check.problems(.object(["delete": .text("yes"), "rebuild": .bool(false)]), schema).count == 1)
        #expect(check.problems(.object(["delete": .bool(true)]), schema).count == 1)
        #expect(check.problems(.object(["delete": .bool(true), "rebuild": .bool(false), "x": .null]), schema).count == 1)
    }

    /// What needs a server or an order in a state that these tests do not bring about.
    private static func needsMore(_ path: String) -> Bool { ["/undo", "/retry", "/cancel"].contains { path.hasSuffix($0) } }

    private static func token(for path: String, _ api: TestAPI) -> String? {
        APIService.isOperators(path) ? api.operatorToken : nil
    }

    private static func operatorsObject(_ path: String, _ numbers: Objects) -> Int {
        if path.contains("/orders/") { return numbers.action }
        // The stranger's token, which these tests do without.
        return path.contains("/tokens/") ? 3 : numbers.server
    }

    private static let bodies = [
        "servers": #"{"name": "new", "server_type": "small", "image": "debian-12", "ssh_keys": []}"#,
        "ssh_keys": #"{"name": "new", "public_key": "\#(keys[1])"}"#,
        "rebuild": #"{"image": "debian-12"}"#, "change_type": #"{"server_type": "medium"}"#,
        "change_protection": #"{"delete": false, "rebuild": false}"#,
        "accounts": #"{"reference": "client-9"}"#, "tokens": #"{"account": 1, "name": "new"}"#,
        "hosts": #"{"name": "kvm-9", "vcpus": 4, "memory_mib": 4096, "disk_gib": 100}"#,
        "networks": #"{"name": "n", "bridge": "br0", "host": "kvm-9"}"#,
        "address_ranges":
            #"{"network": "n", "subnet": "10.0.0.0/24", "gateway": "10.0.0.1", "first": "10.0.0.20", "last": "10.0.0.29"}"#,
        "suspend": #"{"reason": "abuse", "note": "n"}"#, "unsuspend": #"{"reason": "abuse"}"#,
    ]
    private static let keys = [
        TestAPI.key, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA6zMDGaqLhmwXdWqlf2Fj4lvxkYjtQ7b2v4k2zI7r1X other",
    ]

    private struct Objects {
        var server, key, action, address, image, imageAction: Int
    }

    /// Fresh objects for one call: a server that runs, with an address, a key, an action and an image.
    private static func objects(_ api: TestAPI) async throws -> Objects {
        _ = try await api.database.query("delete from hostal.images where account_id is not null")
        for table in [
            "holds", "host_networks", "events", "order_secrets", "jobs", "addresses", "address_ranges", "networks", "orders",
            "server_user_data",
        ] {
            _ = try await api.database.query("delete from hostal.\(unsafe: table)")
        }
        _ = try await api.database.query("delete from hostal.servers")
        _ = try await api.database.query("delete from hostal.ssh_keys")
        let key = try #require(
            try await api.call("POST", "/v1/ssh_keys", #"{"name": "mine", "public_key": "\#(keys[0])"}"#).body["ssh_key"]["id"]
                .number)
        let server = try await api.placed("web", #", "ssh_keys": ["mine"], "labels": {"a_B": "c"}"#)
        let action = try #require(try await api.get("/v1/actions")["actions"][0]["id"].number)
        _ = try await HostCatalog(database: api.database).put(
            name: "kvm-9", totals: HostTotals(vcpus: 4, memory: Mebibytes(4_096), disk: Gibibytes(100)))
        _ = try await api.database.query("insert into hostal.networks (name, bridge) values ('n', 'br0')")
        _ = try await api.database.query(
            "insert into hostal.address_ranges (network_id, subnet, gateway) select id, '10.0.0.0/24', '10.0.0.1' from hostal.networks"
        )
        _ = try await api.database.query(
            """
            insert into hostal.addresses (ip, range_id, state, server_id) select '10.0.0.7', id, 'assigned', \(server)
              from hostal.address_ranges
            """)
        _ = try await api.database.query(
            "insert into hostal.events (dedupe_key, kind, account_id, server_id) select 'x', 'server.running', account_id, id from hostal.servers"
        )
        let address = try #require(try await api.get("/v1/primary_ips")["primary_ips"][0]["id"].number)
        let image = try await api.image(of: server)
        let imageAction = try #require(try await api.get("/v1/images/actions")["actions"][0]["id"].number)
        return Objects(server: server, key: key, action: action, address: address, image: image, imageAction: imageAction)
    }
}
