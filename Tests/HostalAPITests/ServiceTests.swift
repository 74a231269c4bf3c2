import FoundationEssentials
import HostalDatabase
import HostalTestKit
import Testing

@testable import HostalAPI

/// What every request passes on its way.
@Suite struct ServiceTests {
    @Test func unknownPathsAreNotFoundAndWrongMethodsSayWhatThePathTakes() async throws {
        try await TestAPI.use { api in
            for path in [
                "/", "/v1", "/v1/", "/v1/server", "/v2/servers", "/v1/servers/", "/v1/servers//", "/v1/servers/1x",
                "/v1/servers/-1",
            ] {
                let reply = try await api.call("GET", path)
                #expect(reply.status == 404 && reply.code == "not_found", "\(path)")
            }
            let wrong = try await api.call("PATCH", "/v1/servers/1")
            #expect(wrong.status == 405 && wrong.headers["Allow"] == "DELETE, GET, PUT")
        }
    }

    @Test func whatWeDoNotHaveIsNeverAFalseSuccess() async throws {
        try await TestAPI.use { api in
            for (method, path) in [
                ("GET", "/v1/volumes"), ("POST", "/v1/networks"), ("GET", "/v1/firewalls/1"), ("GET", "/v1/isos"),
                ("POST", "/v1/servers/1/actions/enable_rescue"), ("GET", "/v1/servers/1/metrics"),
                ("GET", "/v1/placement_groups"),
                ("POST", "/v1/load_balancers/1/actions/add_service"), ("GET", "/v1/certificates"), ("GET", "/v1/floating_ips"),
            ] {
                let reply = try await api.call(method, path)
                #expect(reply.status == 501 && reply.code == "unsupported_error", "\(method) \(path)")
            }
        }
    }

    @Test func aBodyOfTheLimitIsReadAndOneByteMoreIsRefused() async throws {
        try await TestAPI.use { api in
            let body = TestAPI.createBody("web")
            let padded = body + String(repeating: " ", count: APIService.bodyLimit - body.utf8.count)
            #expect(try await api.call("POST", "/v1/servers", padded).status == 201)
            let tooLarge = try await api.call("POST", "/v1/servers", padded + " ")
            #expect(tooLarge.status == 413 && tooLarge.code == "request_too_large")
        }
    }

    @Test(arguments: ["{", "[]", "1", "\"x\"", "null", "{\"name\": }", "\u{0}", "{\"name\": \"x\"} trailing"])
    func whatIsNoJSONObjectIsAJSONError(body: String) async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/servers", body)
            #expect(reply.status == 400 && reply.code == "json_error", "\(reply.text)")
        }
    }

    @Test func aTokenHasSoManyRequestsAnHourAndNoMore() async throws {
        try await TestAPI.use(requestsPerHour: 3) { api in
            for left in [2, 1, 0] {
                let reply = try await api.call("GET", "/v1/locations")
                #expect(
                    reply.status == 200 && reply.headers["RateLimit-Limit"] == "3"
                        && reply.headers["RateLimit-Remaining"] == "\(left)")
            }
            let refused = try await api.call("GET", "/v1/locations")
            #expect(
                refused.status == 429 && refused.code == "rate_limit_exceeded" && refused.headers["RateLimit-Remaining"] == "0")
            #expect(refused.headers["Retry-After"] == "1200")
            #expect(try await api.call("GET", "/v1/locations", token: api.stranger).status == 200)
        }
    }

    @Test func aRateLimitRefillsEvenly() {
        let limit = RateLimit(perHour: 3_600)
        let start = ContinuousClock.now
        for _ in 0..<3_600 { #expect(limit.take(1, at: start).isAllowed) }
        #expect(!limit.take(1, at: start).isAllowed)
        #expect(limit.take(1, at: start + .seconds(1)).isAllowed)
        #expect(!limit.take(1, at: start + .seconds(1)).isAllowed)
        #expect(limit.take(1, at: start + .seconds(7_200)).remaining == 3_599)
    }

    @Test func everyAnswerHasACorrelationIDThatTheLogNames() async throws {
        try await TestAPI.use { api in
            let replies = [
                try await api.call("GET", "/v1/servers?name=quiet"), try await api.call("GET", "/v1/none"),
                try await api.call("GET", "/v1/servers", authorization: "x"),
                try await api.call("GET", "/v1/openapi.json", authorization: ""),
            ]
            let ids = replies.compactMap { $0.headers["X-Correlation-ID"] }
            #expect(Set(ids).count == 4)
            for (reply, id) in zip(replies, ids) {
                #expect(api.lines.contains { $0.contains("id=\(id)") && $0.contains("status=\(reply.status)") })
            }
            #expect(
                api.lines.contains { $0.contains("method=GET path=/v1/servers status=200") && $0.contains("account=1 token=1") })
        }
    }

    @Test func noSecretIsLoggedOrKeptWhereItDoesNotBelong() async throws {
        try await TestAPI.use { api in
            let canary = "CANARY5e1f"
            let created = try await api.call(
                "POST", "/v1/servers?name=\(canary)", TestAPI.createBody("web", #", "user_data": "\#(canary)""#), key: "k1")
            let password = try #require(created.body["root_password"].text)
            try await api.finishAll()
            let reset = try await api.call("POST", "/v1/servers/1/actions/reset_password", key: "k2")
            let second = try #require(reset.body["root_password"].text)
            _ = try await api.call(
                "POST", "/v1/servers/1/actions/rebuild", #"{"image": "debian-12", "user_data": "\#(canary)"}"#, key: "k3")
            _ = try await api.call("POST", "/v1/\(canary)", #"{"\#(canary)": "#, key: canary)
            _ = try await api.call("GET", "/v1/servers", authorization: "Bearer \(canary)")
            let log = api.lines.joined(separator: "\n")
            for secret in [canary, password, second, api.token] { #expect(!log.contains(secret)) }
            // In the database only where the worker reads it.
            let tables = try await api.database.query(
                """
                select table_name::text from information_schema.tables where table_schema = 'hostal' and table_type = 'BASE TABLE'
                   and table_name not in ('server_user_data', 'order_secrets')
                """
            ).map { try $0.get(0, as: String.self) }
            #expect(tables.count > 15)
            for table in tables {
                let text = try await api.database.query(
                    "select coalesce(string_agg(t::text, ' '), '') from hostal.\(unsafe: table) t"
                )
                .first?.get(0, as: String.self)
                for secret in [canary, password, second, api.token] { #expect(text?.contains(secret) == false, "\(table)") }
            }
        }
    }

    @Test func withoutADatabaseTheServiceSaysThatItCanBeTriedAgain() async throws {
        try await TestAPI.use { api in
            await api.database.close()
            let reply = try await api.call("GET", "/v1/servers")
            #expect(reply.status == 503 && reply.code == "service_error" && reply.headers["Retry-After"] != nil)
            #expect(!reply.text.contains("PostgreSQL") && !reply.text.contains("hostal."))
        }
    }

    @Test func ourOwnFailureIsToldWithoutItsCause() async throws {
        try await TestAPI.use { api in
            _ = try await api.database.query("alter table hostal.locations rename to gone")
            let reply = try await api.call("GET", "/v1/locations")
            #expect(reply.status == 500 && reply.code == "service_error" && !reply.text.contains("locations"))
            #expect(api.lines.contains { $0.contains("failed: PostgreSQL 42P01") })
        }
    }
}
