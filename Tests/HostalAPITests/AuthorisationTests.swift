import HostalDatabase
import Testing

@testable import HostalAPI

/// Every route, with every token that must not get through.
@Suite struct AuthorisationTests {
    private static let closed = Endpoint.all.filter { if case .open = $0.work { false } else { true } }

    private static func path(_ endpoint: Endpoint, _ id: Int = 1, action: Int = 1) -> String {
        endpoint.path.replacing("{id}", with: "\(id)").replacing("{action}", with: "\(action)").replacing("{name}", with: "x")
            .replacing("{session}", with: "1")
    }

    @Test func everyRouteRefusesAMissingForeignExpiredOrRevokedToken() async throws {
        try await TestAPI.use { api in
            let tokens = TokenStore(database: api.database)
            let expired = try await tokens.create(account: 1, name: "expired", access: .readWrite, expiresIn: -1).token
            let revoked = try await tokens.create(account: 1, name: "revoked", access: .readWrite)
            #expect(try await tokens.revoke(revoked.id))
            let unknown = String(repeating: "a", count: 64)
            for endpoint in Self.closed {
                for authorization in [
                    "", "Bearer", "Bearer ", "Basic \(api.token)", "Bearer \(expired)", "Bearer \(revoked.token)",
                    "Bearer \(unknown)",
                    "Bearer \(api.token.dropLast())", "Bearer \(api.token)x", "Bearer \(api.token) x",
                ] {
                    let reply = try await api.call(endpoint.method, Self.path(endpoint), "{}", authorization: authorization)
                    #expect(
                        reply.status == 401 && reply.code == "unauthorized",
                        "\(endpoint.method) \(endpoint.path) '\(authorization)'")
                }
            }
        }
    }

    @Test func aReadOnlyTokenMayGetAndNothingElse() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            for endpoint in Self.closed where !APIService.isOperators(endpoint.path) {
                let reply = try await api.call(endpoint.method, Self.path(endpoint, server), "{}", token: api.readOnly)
                if endpoint.isFor(.read) {
                    #expect(reply.status != 403, "\(endpoint.path)")
                } else {
                    #expect(reply.status == 403 && reply.code == "token_readonly", "\(endpoint.method) \(endpoint.path)")
                }
            }
            #expect(try await api.count("orders") == 1)
        }
    }

    /// Object by object: another account sees none of ours, and changes none.
    @Test func anotherAccountsObjectsAreNotFoundOnAnyRoute() async throws {
        try await TestAPI.use { api in
            let key = try #require(
                try await api.call("POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(TestAPI.key)"}"#).body["ssh_key"][
                    "id"
                ].number)
            let server = try await api.running("web")
            let action = try #require(try await api.get("/v1/actions")["actions"][0]["id"].number)
            let image = try await api.image(of: server, #"{"description": "web's"}"#)
            let imageAction = try #require(try await api.get("/v1/images/actions")["actions"][0]["id"].number)
            let bodies = [
                "rebuild": #"{"image": "debian-12"}"#, "change_type": #"{"server_type": "medium"}"#,
                "change_protection": #"{"delete": true}"#, "{id}": #"{"name": "stolen", "description": "stolen"}"#,
            ]
            func objects() async throws -> [String] {
                try await api.database.query(
                    """
                    select string_agg(t::text, ' ' order by t::text) from (
                        select s::text from hostal.servers s union all select k::text from hostal.ssh_keys k
                        union all select o::text from hostal.orders o union all select i::text from hostal.images i) t(t)
                    """
                ).map { try $0.get(0) }
            }
            let before = try await objects()
            var tried = 0
            for endpoint in Self.closed where endpoint.path.contains("{id}") {
                if case .absent = endpoint.work { continue }
                let kind = endpoint.path.split(separator: "/")[1]
                let id: Int
                switch kind {
                case "servers": id = endpoint.path == "/v1/servers/actions/{id}" ? action : server
                case "ssh_keys": id = key
                case "actions": id = action
                case "primary_ips": id = 1
                case "images": id = endpoint.path == "/v1/images/actions/{id}" ? imageAction : image
                default: continue
                }
                tried += 1
                let body = bodies[endpoint.path.split(separator: "/").last.map(String.init) ?? ""] ?? "{}"
                let reply = try await api.call(
                    endpoint.method, Self.path(endpoint, id, action: kind == "images" ? imageAction : action), body,
                    token: api.stranger)
                #expect(reply.status == 404 && reply.code == "not_found", "\(endpoint.method) \(endpoint.path): \(reply.text)")
                #expect(!reply.text.contains("web"))
                // The same of a number that nobody has: the answers are one.
                let nobody = try await api.call(
                    endpoint.method, Self.path(endpoint, 999_999, action: 999_999), body, token: api.stranger)
                #expect(nobody.text == reply.text, "\(endpoint.method) \(endpoint.path)")
            }
            #expect(tried >= 28)
            #expect(try await objects() == before)
            for list in ["servers", "ssh_keys", "actions", "primary_ips", "events"] {
                let reply = try await api.call("GET", "/v1/\(list)", token: api.stranger)
                #expect(reply.body[list].entries.isEmpty && reply.status == 200, "\(list)")
            }
            let images = try await api.call("GET", "/v1/images", token: api.stranger)
            #expect(images.body["images"].entries.count == 1 && !images.text.contains("web"))
            let borrowed = try await api.call(
                "POST", "/v1/servers", TestAPI.createBody("x", #", "ssh_keys": [\#(key)]"#), token: api.stranger)
            #expect(borrowed.status == 422 && borrowed.fields == ["ssh_keys"])
        }
    }

    /// Each kind of token opens its own routes and none of the other's.
    @Test func anOperatorsTokenOpensNoCustomersRouteAndACustomersNoOperators() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let operators = Self.closed.filter { APIService.isOperators($0.path) }
            #expect(operators.count >= 18)
            for endpoint in Self.closed {
                let isOperators = APIService.isOperators(endpoint.path)
                let reply = try await api.call(
                    endpoint.method, Self.path(endpoint, server), "{}", token: isOperators ? api.token : api.operatorToken)
                #expect(
                    reply.status == (isOperators ? 404 : 401) && reply.code == (isOperators ? "not_found" : "unauthorized"),
                    "\(endpoint.method) \(endpoint.path): \(reply.text)")
            }
            for path in ["/v1/admin", "/v1/admin/", "/v1/admin/none"] {
                #expect(try await api.call("GET", path).status == 404)
                #expect(try await api.call("GET", path, token: api.operatorToken).status == 404)
            }
            #expect(try await api.call("PATCH", "/v1/admin/hosts").status == 404, "a customer learns of no route")
            #expect(try await api.call("PATCH", "/v1/admin/hosts", token: api.operatorToken).headers["Allow"] == "GET, POST")
            #expect(try await api.count("orders") == 1)
        }
    }

    @Test func operatorsTokensMayBeReadOnlyExpiredOrRevoked() async throws {
        try await TestAPI.use { api in
            let tokens = OperatorTokenStore(api.database)
            let reads = try await tokens.create(name: "reads", access: .read).token
            let expired = try await tokens.create(name: "expired", access: .readWrite, expiresIn: -1).token
            let revoked = try await tokens.create(name: "revoked", access: .readWrite)
            #expect(try await tokens.revoke(revoked.id))
            for endpoint in Self.closed where APIService.isOperators(endpoint.path) {
                let path = Self.path(endpoint)
                let reply = try await api.call(endpoint.method, path, "{}", token: reads)
                #expect(
                    (reply.code == "token_readonly") == (endpoint.method != "GET"), "\(endpoint.method) \(path): \(reply.text)")
                for token in [expired, revoked.token] {
                    #expect(try await api.call(endpoint.method, path, "{}", token: token).status == 401)
                }
            }
            let texts = try await api.database.query(
                "select t::text from hostal.operator_tokens t where last_used_at is not null"
            )
            .map { try $0.get(0, as: String.self) }
            #expect(texts.count == 1 && texts.allSatisfy { !$0.contains(reads) })
        }
    }

    @Test func aTokenIsKnownByItsHashAlone() async throws {
        try await TestAPI.use { api in
            _ = try await api.call("GET", "/v1/servers")
            let texts = try await api.database.query("select t::text from hostal.tokens t").map { try $0.get(0, as: String.self) }
            #expect(texts.count == 3 && api.token.utf8.count == TokenStore.length)
            for text in texts { #expect(!text.contains(api.token) && !text.contains(api.token.prefix(12))) }
            let used = try await api.database.query("select count(*) from hostal.tokens where last_used_at is not null")
            #expect(try used.first?.get(0, as: Int.self) == 1)
        }
    }
}
