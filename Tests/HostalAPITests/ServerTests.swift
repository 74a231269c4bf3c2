import FoundationEssentials
import HostalDatabase
import Testing

@Suite struct ServerTests {
    @Test func aCreateIsAnOrderAndItsPasswordIsShownOnceAndKeptAsAHash() async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/servers", TestAPI.createBody("web", #", "labels": {"env": "prod"}"#))
            #expect(reply.status == 201)
            #expect(reply.body["server"]["status"].text == "initializing" && reply.body["server"]["locked"] == .bool(true))
            #expect(reply.body["server"]["labels"]["env"].text == "prod")
            #expect(reply.body["action"]["command"].text == "create_server" && reply.body["action"]["status"].text == "running")
            let password = try #require(reply.body["root_password"].text)
            #expect(password.utf8.count == 24)
            let hash = try #require(
                try await api.database.query("select password_hash from hostal.order_secrets").first?.get(0, as: String.self))
            #expect(hash.hasPrefix("$6$"))
            #expect(try await api.get("/v1/servers/1")["root_password"] == .null)
        }
    }

    @Test func aServerWithKeysGetsNoPassword() async throws {
        try await TestAPI.use { api in
            _ = try await api.call("POST", "/v1/ssh_keys", #"{"name": "k", "public_key": "\#(TestAPI.key)\n"}"#)
            let reply = try await api.call(
                "POST", "/v1/servers", TestAPI.createBody("web", #", "ssh_keys": ["k"], "user_data": """#))
            #expect(reply.status == 201 && reply.body["root_password"] == .null, "\(reply.text)")
            let keys = try #require(
                try await api.database.query("select ssh_keys from hostal.servers").first?.get(0, as: [String].self))
            #expect(keys == [TestAPI.key])
            #expect(try await api.count("order_secrets") == 0)
            #expect(try await api.count("server_user_data") == 0)
        }
    }

    @Test(arguments: [
        (#"{"server_type": "small", "image": "debian-12"}"#, 422, "invalid_input", "name"),
        (#"{"name": "-x", "server_type": "small", "image": "debian-12"}"#, 422, "invalid_input", "name"),
        (#"{"name": "x", "server_type": "huge", "image": "debian-12"}"#, 422, "invalid_input", "server_type"),
        (#"{"name": "x", "server_type": 99, "image": "debian-12"}"#, 422, "invalid_input", "server_type"),
        (#"{"name": "x", "server_type": true, "image": "debian-12"}"#, 422, "invalid_input", "server_type"),
        (#"{"name": "x", "server_type": "small", "image": "beos"}"#, 422, "invalid_input", "image"),
        (#"{"name": "x", "server_type": "small", "image": 99}"#, 422, "invalid_input", "image"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "ssh_keys": ["none"]}"#, 422, "invalid_input", "ssh_keys"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "labels": {"-": "x"}}"#, 422, "invalid_input", "labels"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "location": "moon"}"#, 422, "invalid_input", "location"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "datacenter": 7}"#, 422, "invalid_input", "datacenter"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "volumes": [1]}"#, 422, "unsupported_error", "volumes"),
        (#"{"name": "x", "server_type": "small", "image": "debian-12", "networks": [1]}"#, 422, "unsupported_error", "networks"),
        (
            #"{"name": "x", "server_type": "small", "image": "debian-12", "firewalls": [{"firewall": 1}]}"#, 422,
            "unsupported_error",
            "firewalls"
        ),
        (
            #"{"name": "x", "server_type": "small", "image": "debian-12", "placement_group": 1}"#, 422, "unsupported_error",
            "placement_group"
        ),
        (
            #"{"name": "x", "server_type": "small", "image": "debian-12", "start_after_create": false}"#, 422,
            "unsupported_error",
            "start_after_create"
        ),
        (
            #"{"name": "x", "server_type": "small", "image": "debian-12", "public_net": {"enable_ipv4": false}}"#, 422,
            "unsupported_error", "public_net"
        ),
        (#"{"name": "x\u0000", "server_type": "small", "image": "debian-12"}"#, 422, "invalid_input", "body"),
    ]) func aWrongCreateNamesItsField(body: String, status: Int, code: String, field: String) async throws {
        try await TestAPI.use { api in
            let reply = try await api.call("POST", "/v1/servers", body)
            #expect(reply.status == status && reply.code == code && reply.fields == [field], "\(reply.text)")
            #expect(try await api.count("orders") == 0)
            #expect(try await api.count("servers") == 0)
        }
    }

    @Test func theRefusedNeighboursAreAccepted() async throws {
        try await TestAPI.use { api in
            let body = TestAPI.createBody(
                "x",
                #"""
                , "ssh_keys": [], "labels": {"a": "x"}, "location": "default", "datacenter": 1, "volumes": [], "networks": [],
                "firewalls": [], "placement_group": null, "start_after_create": true, "automount": false,
                "public_net": {"enable_ipv4": true, "enable_ipv6": true}
                """#)
            #expect(try await api.call("POST", "/v1/servers", body).status == 201)
            let byNumber = try await api.call("POST", "/v1/servers", #"{"name": "y", "server_type": 1, "image": "1"}"#)
            #expect(byNumber.status == 201, "\(byNumber.text)")
        }
    }

    @Test func aTakenNameIsAUniquenessErrorAndIsFreeAgainElsewhere() async throws {
        try await TestAPI.use { api in
            let first = try await api.running("web")
            let other = try await api.running("other")
            let again = try await api.call("POST", "/v1/servers", TestAPI.createBody("web"))
            #expect(again.status == 409 && again.code == "uniqueness_error", "\(again.text)")
            let renamed = try await api.call("PUT", "/v1/servers/\(other)", #"{"name": "web"}"#)
            #expect(renamed.status == 409 && renamed.code == "uniqueness_error", "\(renamed.text)")
            #expect(try await api.call("PUT", "/v1/servers/\(first)", #"{"name": "web2", "labels": {"a": "b"}}"#).status == 200)
            try await api.create("web")
            try await api.create("web", token: api.stranger)
        }
    }

    @Test func anUpdateKeepsWhatItLeavesOut() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web", #", "labels": {"a": "b"}"#)
            let renamed = try await api.call("PUT", "/v1/servers/\(server)", #"{"name": "web2"}"#)
            #expect(renamed.body["server"]["labels"].fields == ["a": .text("b")])
            let relabelled = try await api.call("PUT", "/v1/servers/\(server)", #"{"labels": {}}"#)
            #expect(relabelled.body["server"]["name"].text == "web2" && relabelled.body["server"]["labels"].fields.isEmpty)
            #expect(try await api.call("PUT", "/v1/servers/\(server)", #"{"labels": {"a": 1}}"#).status == 422)
            #expect(try await api.call("PUT", "/v1/servers/\(server)", #"{"name": "a b"}"#).fields == ["name"])
        }
    }

    /// Each action, the name of its command, and the status that its server shows meanwhile.
    @Test(arguments: [
        ("poweron", "{}", "start_server", "starting"), ("poweroff", "{}", "stop_server", "stopping"),
        ("shutdown", "", "shutdown_server", "stopping"),
        ("shutdown", #"{"force_after_seconds": 30}"#, "shutdown_server", "stopping"),
        ("reboot", "", "reboot_server", "running"), ("reset", "", "reset_server", "running"),
        ("rebuild", #"{"image": "debian-12"}"#, "rebuild_server", "rebuilding"),
        ("change_type", #"{"server_type": "medium", "upgrade_disk": true}"#, "change_server_type", "migrating"),
        ("reset_password", "", "reset_password", "running"),
    ]) func anActionIsAnOrder(action: String, body: String, command: String, status: String) async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let reply = try await api.call("POST", "/v1/servers/\(server)/actions/\(action)", body)
            #expect(reply.status == 201, "\(reply.text)")
            #expect(reply.body["action"]["command"].text == command && reply.body["action"]["status"].text == "running")
            let number = try #require(reply.body["action"]["id"].number)
            #expect(try await api.get("/v1/servers/\(server)/actions/\(number)")["action"] == reply.body["action"])
            #expect(try await api.get("/v1/servers/\(server)")["server"]["status"].text == status)
            try await api.finishAll()
            let finished = try await api.get("/v1/actions/\(number)")["action"]
            #expect(finished["status"].text == "success" && finished["progress"].number == 100 && finished["finished"] != .null)
        }
    }

    @Test(arguments: [
        ("shutdown", #"{"force_after_seconds": 0}"#, "force_after_seconds"), ("rebuild", "{}", "image"),
        ("rebuild", #"{"image": "beos"}"#, "image"),
        ("rebuild", #"{"image": "debian-12", "user_data": 1}"#, "user_data"),
        ("change_type", #"{"server_type": "small"}"#, "server_type"),
        ("change_type", #"{"server_type": "medium", "upgrade_disk": "yes"}"#, "upgrade_disk"),
        ("change_protection", "{}", "delete"),
    ]) func aWrongActionNamesItsField(action: String, body: String, field: String) async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let reply = try await api.call("POST", "/v1/servers/\(server)/actions/\(action)", body)
            #expect(reply.status == 422 && reply.code == "invalid_input" && reply.fields == [field], "\(reply.text)")
            #expect(try await api.count("orders") == 1)
        }
    }

    @Test func aRebuildKeepsDropsOrReplacesUserData() async throws {
        for (field, expected) in [("", "keep"), (#", "user_data": null"#, "drop"), (#", "user_data": "new""#, "replace")] {
            try await TestAPI.use { api in
                let server = try await api.running("web")
                let reply = try await api.call("POST", "/v1/servers/\(server)/actions/rebuild", #"{"image": 1\#(field)}"#)
                #expect(reply.status == 201 && reply.body["root_password"].text != nil, "\(reply.text)")
                let options = try await api.database.query(
                    "select options ->> 'user_data' from hostal.jobs order by id desc limit 1")
                #expect(try options.first?.get(0, as: String.self) == expected)
            }
        }
    }

    @Test func whatAServerIsInNoStateForIsRefusedInTheAPIsCodes() async throws {
        try await TestAPI.use { api in
            let server = try await api.create("web")
            let busy = try await api.call("POST", "/v1/servers/\(server)/actions/reboot")
            #expect(busy.status == 423 && busy.code == "locked")
            try await api.finishAll()
            let undo = try await api.call("POST", "/v1/servers/\(server)/actions/undo")
            #expect(undo.status == 409 && undo.code == "conflict", "\(undo.text)")
            let protect = try await api.call(
                "POST", "/v1/servers/\(server)/actions/change_protection", #"{"delete": true, "rebuild": true}"#)
            #expect(protect.body["action"]["status"].text == "success")
            let refused = try await api.call("DELETE", "/v1/servers/\(server)")
            #expect(refused.status == 423 && refused.code == "protected")
            let rebuild = try await api.call("POST", "/v1/servers/\(server)/actions/rebuild", #"{"image": "debian-12"}"#)
            #expect(rebuild.status == 423 && rebuild.code == "protected")
            #expect(try await api.get("/v1/servers/\(server)")["server"]["protection"]["delete"] == .bool(true))
            _ = try await api.call("POST", "/v1/servers/\(server)/actions/change_protection", #"{"delete": false}"#)
            let deleted = try await api.call("DELETE", "/v1/servers/\(server)")
            #expect(deleted.status == 200 && deleted.body["action"]["command"].text == "delete_server")
            #expect(try await api.get("/v1/servers/\(server)")["server"]["status"].text == "deleting")
            let late = try await api.call("POST", "/v1/servers/\(server)/actions/poweron")
            #expect(late.status == 409 && late.code == "conflict")
        }
    }

    @Test func aDeletedServerIsNotFound() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            _ = try await api.database.query("update hostal.servers set state = 'deleted', deleted_at = now()")
            #expect(try await api.call("GET", "/v1/servers/\(server)").status == 404)
            #expect(try await api.call("PUT", "/v1/servers/\(server)", "{}").status == 404)
            #expect(try await api.get("/v1/servers")["servers"].entries.isEmpty)
            #expect(try await api.get("/v1/actions")["actions"].entries.count == 1)
        }
    }

    @Test func anActionShowsStepsWhatItWaitsForAndWhyItFailed() async throws {
        try await TestAPI.use { api in
            let server = try await api.create("web")
            _ = try await api.database.query(
                "update hostal.jobs set step_names = '{reserve-capacity,clone-volume,await-guest}', progress = 33, waiting_for = 'the guest''s first report'"
            )
            _ = try await api.database.query(
                """
                insert into hostal.job_steps (job_id, seq, name, state, intent, finished_at)
                select id, 0, 'reserve-capacity', 'done', '{}'::jsonb, now() from hostal.jobs
                union all select id, 1, 'clone-volume', 'intended', '{"secret": "path"}', null from hostal.jobs
                """)
            var action = try await api.get("/v1/servers/\(server)/actions")["actions"][0]
            #expect(action["steps"].entries.map { $0["state"].text } == ["done", "running", "pending"])
            #expect(action["steps"].entries.map { $0["name"].text } == ["reserve-capacity", "clone-volume", "await-guest"])
            #expect(action["progress"].number == 33 && action["waiting_for"].text == "the guest's first report")
            _ = try await api.database.query(
                "update hostal.orders set state = 'failed', finished_at = now(), error = '{\"code\": \"storage_full\", \"message\": \"no room\"}'"
            )
            action = try await api.get("/v1/actions/1")["action"]
            #expect(
                action["status"].text == "error" && action["error"]["code"].text == "storage_full"
                    && action["waiting_for"] == .null)
        }
    }
}
