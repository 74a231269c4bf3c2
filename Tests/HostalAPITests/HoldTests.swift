import HostalDatabase
import Testing

/// What customers see and may do while a server is on hold.
@Suite struct HoldTests {
    @Test func aServerOnHoldSaysWhyAndIsLocked() async throws {
        try await TestAPI.use { api in
            let server = try await api.running("web")
            #expect(try await api.get("/v1/servers/\(server)")["server"]["holds"].entries.isEmpty)
            let holds = HoldStore(api.database)
            _ = try await holds.add(.abuse, to: Int64(server), note: "reported by a neighbour", by: "ada")
            _ = try await holds.add(.billing, to: Int64(server), note: "", by: "ada")
            #expect(try await api.get("/v1/servers/\(server)")["server"]["status"].text == "stopping")
            try await api.finishAll()
            let reply = try await api.call("GET", "/v1/servers")
            let shown = reply.body["servers"][0]
            #expect(shown["holds"].entries.map { $0["reason"].text } == ["abuse", "billing"])
            #expect(shown["locked"] == .bool(true))
            #expect(!reply.text.contains("neighbour") && !reply.text.contains("ada"), "notes are for operators")
            for (path, body) in [
                ("poweron", ""), ("poweroff", ""), ("reboot", ""), ("reset", ""), ("shutdown", ""), ("undo", ""),
                ("rebuild", #"{"image": "debian-12"}"#), ("change_type", #"{"server_type": "medium"}"#), ("reset_password", ""),
            ] {
                let refused = try await api.call("POST", "/v1/servers/\(server)/actions/\(path)", body)
                #expect(refused.status == 423 && refused.code == "locked", "\(path): \(refused.text)")
                #expect(refused.body["error"]["message"].text?.contains("on hold (abuse, billing)") == true, "\(path)")
            }
            let kept = try await api.call("DELETE", "/v1/servers/\(server)")
            #expect(kept.status == 423 && kept.code == "locked")
            #expect(try await api.call("PUT", "/v1/servers/\(server)", #"{"name": "still-mine"}"#).status == 200)
            let actions = try await api.get("/v1/actions?sort=id")["actions"]
            #expect(actions.entries.map { $0["command"].text } == ["create_server", "suspend_server", "suspend_server"])
            for reason in [HoldReason.abuse, .billing] { _ = try await holds.lift(reason, from: Int64(server), by: "ada") }
            try await api.finishAll()
            #expect(try await api.call("POST", "/v1/servers/\(server)/actions/reboot").status == 201)
        }
    }
}
