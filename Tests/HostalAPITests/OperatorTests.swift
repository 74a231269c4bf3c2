import HostalDatabase
import HostalModel
import Testing

@testable import HostalAPI

/// What operators do over HTTP.
@Suite struct OperatorTests {
    private func call(_ api: TestAPI, _ method: String, _ path: String, _ body: String = "", key: String? = nil) async throws
        -> Reply
    {
        try await api.call(method, "/v1/admin/" + path, body, token: api.operatorToken, key: key)
    }

    @Test func anAccountGetsATokenThatWorksUntilItIsRevoked() async throws {
        try await TestAPI.use { api in
            let made = try await call(api, "POST", "accounts", #"{"reference": "client-9", "source": "whmcs"}"#)
            let account = try #require(made.body["account"]["id"].number)
            let again = try await call(api, "POST", "accounts", #"{"reference": "client-9", "source": "whmcs"}"#)
            #expect(made.status == 201 && again.body["account"]["id"].number == account)
            let token = try await call(api, "POST", "tokens", #"{"account": \#(account), "name": "t", "access": "read"}"#)
            let secret = try #require(token.body["secret"].text)
            #expect(try await api.call("GET", "/v1/servers", token: secret).status == 200)
            #expect(try await api.call("POST", "/v1/servers", TestAPI.createBody("x"), token: secret).status == 403)
            let list = try await call(api, "GET", "tokens?account=\(account)")
            #expect(list.body["tokens"].entries.count == 1 && !list.text.contains(secret))
            #expect(list.body["meta"]["pagination"]["total_entries"].number == 1)
            let id = try #require(token.body["token"]["id"].number)
            #expect(try await call(api, "DELETE", "tokens/\(id)").status == 204)
            #expect(try await api.call("GET", "/v1/servers", token: secret).status == 401)
            #expect(try await call(api, "DELETE", "tokens/999").status == 404)
            for (body, field) in [
                (#"{"account": 999, "name": "t"}"#, "account"), (#"{"account": 1, "name": ""}"#, "name"),
                (#"{"account": 1, "name": "t", "access": "all"}"#, "access"),
                (#"{"account": 1, "name": "t", "expires_in_days": 0}"#, "expires_in_days"),
            ] { #expect(try await call(api, "POST", "tokens", body).fields == [field], "\(body)") }
            #expect(try await call(api, "POST", "tokens", #"{"account": \#(account), "name": "t"}"#).code == "uniqueness_error")
            let accounts = try await call(api, "GET", "accounts?per_page=2&page=2")
            #expect(accounts.body["accounts"].entries.map { $0["reference"].text } == ["client-9"])
        }
    }

    @Test func hostsNetworksAndAddressesAreAddedAndChanged() async throws {
        try await TestAPI.use { api in
            let host = #"{"name": "kvm-1", "vcpus": 8, "memory_mib": 4096, "disk_gib": 100}"#
            #expect(try await call(api, "POST", "hosts", host).status == 201)
            let larger = try await call(api, "POST", "hosts", host.replacing("4096", with: "8192"))
            #expect(
                larger.body["host"]["memory_mib"]["total"].number == 8192 && larger.body["host"]["location"].text == "default")
            _ = try await api.database.query("update hostal.hosts set used_vcpus = 4")
            #expect(try await call(api, "POST", "hosts", host.replacing("8,", with: "3,")).code == "conflict")
            #expect(try await call(api, "GET", "hosts").body["hosts"].entries.count == 1)
            let network = #"{"name": "public", "bridge": "br0", "host": "kvm-1", "name_servers": ["192.0.2.53"]}"#
            #expect(try await call(api, "POST", "networks", network).status == 201)
            let range =
                #"{"network": "public", "subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "first": "192.0.2.10", "last": "192.0.2.19"}"#
            for _ in 1...2 {
                let added = try await call(api, "POST", "address_ranges", range)
                #expect(added.body["network"]["ranges"][0]["free"].number == 10, "\(added.text)")
                #expect(added.body["network"]["hosts"][0].text == "kvm-1")
            }
            for (path, body, field) in [
                ("hosts", host.replacing("100}", with: #"100, "location": "moon"}"#), "location"),
                ("hosts", host.replacing("8,", with: "-1,"), "vcpus"),
                ("networks", network.replacing("kvm-1", with: "kvm-2"), "host"),
                ("networks", network.replacing("br0", with: "a bridge"), "bridge"),
                ("networks", network.replacing("192.0.2.53", with: "dns.example"), "name_servers"),
                ("address_ranges", range.replacing("public", with: "private"), "network"),
                ("address_ranges", range.replacing("192.0.2.1\"", with: "10.0.0.1\""), "gateway"),
                ("address_ranges", range.replacing("192.0.2.19", with: "2001:db8::1"), "subnet"),
                ("address_ranges", range.replacing("192.0.2.0/24", with: "everything"), "subnet"),
            ] {
                let refused = try await call(api, "POST", path, body)
                #expect(refused.status == 422 && refused.fields == [field], "\(body): \(refused.text)")
            }
            #expect(try await call(api, "GET", "images").body["images"][0]["path"].text == "/secret/place")
            #expect(try await call(api, "GET", "plans").body["plans"].entries.map { $0["name"].text } == ["small", "medium"])
        }
    }

    @Test func ordersAreListedSentOnAndCancelled() async throws {
        try await TestAPI.use { api in
            for name in ["a", "b", "c"] { try await api.create(name) }
            _ = try await api.database.query(
                """
                update hostal.jobs set state = 'stuck', failure = '{"code": "service_error", "message": "cannot", "detail": "/dev/sda is gone"}'
                 where order_id = 1
                """)
            _ = try await api.database.query("update hostal.orders set state = 'stuck' where id = 1")
            let stuck = try await call(api, "GET", "orders?state=stuck")
            #expect(stuck.body["orders"].entries.map { $0["error"]["detail"].text } == ["/dev/sda is gone"])
            #expect(
                try await call(api, "GET", "orders?before=3&per_page=1").body["orders"].entries.map { $0["id"].number } == [2])
            #expect(try await call(api, "GET", "orders?state=lost").fields == ["state"])
            let dry = try await call(api, "POST", "orders/1/retry?dry_run=true")
            #expect(dry.status == 200 && dry.body["dry_run"]["valid"] == .bool(true))
            let retried = try await call(api, "POST", "orders/1/retry")
            #expect(retried.status == 201 && retried.body["order"]["state"].text == "running", "\(retried.text)")
            let again = try await call(api, "POST", "orders/1/retry")
            #expect(again.status == 409 && again.body["error"]["message"].text == "order 1 is running; it must be stuck")
            #expect(try await call(api, "POST", "orders/2/cancel").status == 201)
            #expect(try await api.count("jobs where cancel_requested") == 1)
            try await api.finishAll()
            #expect(try await call(api, "POST", "orders/3/cancel").code == "conflict")
            for path in ["orders/99", "orders/99/cancel"] {
                #expect(try await call(api, path.hasSuffix("l") ? "POST" : "GET", path).status == 404)
            }
        }
    }

    @Test func aServerIsPutOnHoldByWhomeverTheTokenNames() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            let path = "servers/\(server)/actions/"
            let dry = try await call(api, "POST", path + "suspend?dry_run=true", #"{"reason": "abuse"}"#)
            #expect(dry.body["dry_run"]["downtime"].text == "reboot")
            #expect(try await api.count("holds") == 0, "a dry run changed something")
            let placed = try await call(api, "POST", path + "suspend", #"{"reason": "abuse", "note": "spam"}"#)
            #expect(placed.status == 201 && placed.body["order"]["kind"].text == "suspend", "\(placed.text)")
            let holds = try await call(api, "GET", "holds?server=\(server)")
            #expect(holds.body["holds"][0]["by"].text == "ada" && holds.body["holds"][0]["note"].text == "spam")
            #expect(try await api.get("/v1/servers/\(server)")["server"]["holds"][0]["reason"].text == "abuse")
            #expect(try await call(api, "POST", path + "unsuspend", #"{"reason": "abuse"}"#).status == 201)
            #expect(try await call(api, "GET", "holds").body["holds"].entries.isEmpty)
            #expect(try await call(api, "POST", path + "suspend", #"{"reason": "spite"}"#).fields == ["reason"])
            #expect(try await call(api, "POST", "servers/999/actions/suspend", #"{"reason": "abuse"}"#).status == 404)
        }
    }

    @Test func aDryRunLeavesNothingAndAKeyIsRefused() async throws {
        try await TestAPI.use { api in
            let dry = try await call(api, "POST", "tokens?dry_run=true", #"{"account": 1, "name": "dry"}"#)
            #expect(dry.status == 200 && dry.body["secret"] == .null)
            #expect(try await api.count("tokens") == 3)
            let keyed = try await call(api, "POST", "accounts", #"{"reference": "x"}"#, key: "k")
            #expect(keyed.status == 422 && keyed.fields == ["Idempotency-Key"])
            #expect(try await api.count("accounts") == 2)
            #expect(api.lines.contains { $0.contains("path=/v1/admin/tokens status=200") && $0.contains("operator=1") })
        }
    }
}
