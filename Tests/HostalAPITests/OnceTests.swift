import HostalDatabase
import Testing

/// `Idempotency-Key` and `?dry_run=true`.
@Suite struct OnceTests {
    @Test func twoHundredIdenticalRequestsAtOnceMakeOneServerAndGetOneAnswer() async throws {
        try await TestAPI.use(connections: 16) { api in
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<200 {
                    group.addTask { try await api.call("POST", "/v1/servers", TestAPI.createBody("web"), key: "k1") }
                }
                return try await group.reduce(into: [Reply]()) { $0.append($1) }
            }
            #expect(replies.allSatisfy { $0.status == 201 }, "\(replies.first { $0.status != 201 }?.text ?? "")")
            #expect(try await api.count("servers") == 1)
            #expect(try await api.count("orders") == 1)
            #expect(try await api.count("jobs") == 1)
            // The password is told once, to whoever came first.
            #expect(replies.count { $0.body["root_password"] != .null } == 1)
            let bodies = Set(
                replies.map { reply in
                    var body = reply.body
                    body["root_password"] = .null
                    return body
                })
            #expect(bodies.count == 1)
        }
    }

    @Test func anEmptyDryRunIsRefusedAndNotCarriedOut() async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/servers?dry_run=", TestAPI.createBody("web"))
            let orders = try await api.count("orders")
            #expect(reply.status == 422 && orders == 0)
        }
    }

    @Test func aKeyBelongsToOneRequestOfOneAccount() async throws {
        try await TestAPI.use { api in
            #expect(try await api.call("POST", "/v1/servers", TestAPI.createBody("web"), key: "k1").status == 201)
            let reused = try await api.call("POST", "/v1/servers", TestAPI.createBody("web2"), key: "k1")
            #expect(reused.status == 422 && reused.code == "idempotency_key_reused")
            #expect(try await api.call("DELETE", "/v1/servers/1", key: "k1").code == "idempotency_key_reused")
            #expect(
                try await api.call("POST", "/v1/servers", TestAPI.createBody("web"), token: api.stranger, key: "k1").status == 201
            )
            #expect(try await api.count("servers") == 2)
            for key in ["", String(repeating: "x", count: 256), "a b", "é"] {
                #expect(
                    try await api.call("POST", "/v1/servers", TestAPI.createBody("y"), key: key).fields == ["Idempotency-Key"],
                    "\(key)")
            }
        }
    }

    @Test func everyMutationAnswersARepeatAsItDidAtFirst() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            var number = 0
            func twice(_ method: String, _ path: String, _ body: String = "") async throws {
                number += 1
                let first = try await api.call(method, path, body, key: "key-\(number)")
                let again = try await api.call(method, path, body, key: "key-\(number)")
                #expect(first.status < 300, "\(method) \(path): \(first.text)")
                var told = first.body
                if told["root_password"] != .null { told["root_password"] = .null }
                #expect(again.status == first.status && again.body == told, "\(method) \(path)")
            }
            try await twice("POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(TestAPI.key)"}"#)
            try await twice("PUT", "/v1/ssh_keys/1", #"{"name": "k2"}"#)
            try await twice("DELETE", "/v1/ssh_keys/1")
            try await twice("PUT", "/v1/servers/\(server)", #"{"labels": {"a": "b"}}"#)
            for action in ["poweron", "poweroff", "reboot", "reset", "shutdown", "reset_password"] {
                try await twice("POST", "/v1/servers/\(server)/actions/\(action)")
            }
            try await twice("POST", "/v1/servers/\(server)/actions/change_protection", #"{"delete": false}"#)
            try await twice("POST", "/v1/servers/\(server)/actions/change_type", #"{"server_type": "medium"}"#)
            try await api.finishAll()
            try await twice("POST", "/v1/servers/\(server)/actions/create_image", #"{"description": "d"}"#)
            try await api.finishImages()
            let image = try #require(try await api.get("/v1/images?type=snapshot")["images"][0]["id"].number)
            try await twice("PUT", "/v1/images/\(image)", #"{"description": "other"}"#)
            try await twice("POST", "/v1/images/\(image)/actions/change_protection", #"{"delete": false}"#)
            try await twice("DELETE", "/v1/images/\(image)")
            try await twice("POST", "/v1/servers/\(server)/actions/rebuild", #"{"image": "debian-12"}"#)
            try await twice("DELETE", "/v1/servers/\(server)")
            #expect(try await api.count("orders") == 13)
            #expect(try await api.count("images") == 2)
        }
    }

    @Test func aRefusedRequestLeavesItsKeyFree() async throws {
        try await TestAPI.use { api in
            let refused = try await api.call("POST", "/v1/servers", TestAPI.createBody("-"), key: "k")
            let accepted = try await api.call("POST", "/v1/servers", TestAPI.createBody("web"), key: "k")
            #expect(refused.status == 422 && accepted.status == 201)
        }
    }

    @Test func oldAnswersAreForgotten() async throws {
        try await TestAPI.use { api in
            _ = try await api.call("POST", "/v1/servers", TestAPI.createBody("web"), key: "old")
            _ = try await api.call("POST", "/v1/servers", TestAPI.createBody("web2"), key: "new")
            _ = try await api.database.query(
                "update hostal.idempotency_keys set created_at = now() - interval '25 hours' where key = 'old'")
            try await IdempotencyStore.sweep(api.database)
            #expect(
                try await api.database.query("select key from hostal.idempotency_keys").map { try $0.get(0, as: String.self) }
                    == ["new"])
        }
    }

    @Test func aDryRunChangesNothingAndSaysWhatWouldHappen() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let image = try await api.image(of: server)
            func state() async throws -> String {
                try #require(
                    try await api.database.query(
                        """
                        select concat((select string_agg(s::text, ' ') from hostal.servers s), (select count(*) from hostal.orders),
                                      (select count(*) from hostal.jobs), (select count(*) from hostal.ssh_keys),
                                      (select string_agg(i::text, ' ') from hostal.images i),
                                      (select count(*) from hostal.idempotency_keys), (select count(*) from hostal.order_secrets))
                        """
                    ).first
                ).get(0)
            }
            let before = try await state()
            func dryRun(_ method: String, _ path: String, _ body: String = "") async throws -> JSONValue {
                let reply = try await api.call(method, "\(path)?dry_run=true", body, key: "dry")
                #expect(reply.status == 200, "\(method) \(path): \(reply.text)")
                #expect(!reply.text.contains("password\":\""))
                return reply.body["dry_run"]
            }
            let create = try await dryRun("POST", "/v1/servers", TestAPI.createBody("new"))
            #expect(create["steps"].entries.compactMap(\.text) == TestAPI.steps["create-server"])
            let delete = try await dryRun("DELETE", "/v1/servers/\(server)")
            #expect(delete["irreversible"] == .bool(true) && delete["steps"].entries.count == 2)
            let rebuild = try await dryRun("POST", "/v1/servers/\(server)/actions/rebuild", #"{"image": "debian-12"}"#)
            #expect(rebuild["downtime"].text == "reinstall" && rebuild["irreversible"] == .bool(false))
            #expect(
                rebuild["keeps"].entries.contains(.text("user_data")) && rebuild["keeps"].entries.contains(.text("earlier_disk")))
            let dropped = try await dryRun(
                "POST", "/v1/servers/\(server)/actions/rebuild", #"{"image": "debian-12", "user_data": null}"#)
            #expect(!dropped["keeps"].entries.contains(.text("user_data")))
            let grow = try await dryRun(
                "POST", "/v1/servers/\(server)/actions/change_type", #"{"server_type": "medium", "upgrade_disk": true}"#)
            #expect(grow["downtime"].text == "none_if_possible" && grow["irreversible"] == .bool(true))
            let resize = try await dryRun("POST", "/v1/servers/\(server)/actions/change_type", #"{"server_type": "medium"}"#)
            #expect(resize["irreversible"] == .bool(false) && resize["keeps"].entries.contains(.text("disk")))
            let capture = try await dryRun("POST", "/v1/servers/\(server)/actions/create_image")
            #expect(capture["steps"].entries.compactMap(\.text) == TestAPI.steps["capture-image"])
            #expect(capture["downtime"].text == "none" && capture["keeps"].entries.contains(.text("disk")))
            _ = try await dryRun("PUT", "/v1/images/\(image)", #"{"description": "other"}"#)
            _ = try await dryRun("POST", "/v1/images/\(image)/actions/change_protection", #"{"delete": true}"#)
            let forget = try await dryRun("DELETE", "/v1/images/\(image)")
            #expect(forget["irreversible"] == .bool(true))
            _ = try await dryRun("PUT", "/v1/servers/\(server)", #"{"name": "other"}"#)
            _ = try await dryRun("POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(TestAPI.key)"}"#)
            #expect(try await state() == before)
            // What would be refused is refused by a dry run as well.
            #expect(try await api.call("POST", "/v1/servers?dry_run=true", TestAPI.createBody("web")).status == 409)
            #expect(try await api.call("POST", "/v1/servers?dry_run=maybe", TestAPI.createBody("x")).fields == ["dry_run"])
        }
    }
}
