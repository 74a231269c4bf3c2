import FoundationEssentials
import HostalTestKit
import HostalWire
import Testing

/// What changes send, in the bodies that the API's own types read.
@Suite struct ChangeTests {
    private func body<Body: Decodable>(_ type: Body.Type, of request: AnswerServer.Request?) throws -> Body {
        try WireCoding.decoder().decode(type, from: Data(#require(request).body.utf8))
    }

    @Test func aCreateSendsNumbersForNames() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal(
            "server", "create", "--name", "web-1", "--plan", "small", "--image", "debian-12", "--ssh-key", "laptop", "--label",
            "env=prod",
            "--label", "new", "--location", "fsn", "--user-data-from-file", "-", at: standIn, input: "#cloud-config\n")
        let sent = try body(CreateServer.self, of: standIn.changes.first)
        let expected = CreateServer(
            name: "web-1", serverType: .number(1), image: .number(5), sshKeys: [.number(3)], userData: "#cloud-config\n",
            labels: ["env": "prod", "new": ""], location: .number(1))
        #expect(run.exit == 0 && standIn.changes.count == 1 && sent == expected)
        #expect(run.output == "server  17 web-1 is running\nipv4    192.0.2.17\nipv6    2001:db8::17\n")
    }

    @Test func aCreateOrdersNothingWhenANameIsUnknown() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "create", "--name", "a", "--plan", "huge", "--image", "debian-12", at: standIn)
        #expect(run.exit == 4 && standIn.changes.isEmpty)
        #expect(run.errors == "hostal: cannot create server a: there is no plan 'huge'; there are small, large\n")
    }

    @Test func everyRepeatCarriesTheSameKeyAndEveryChangeAnother() async throws {
        let standIn = try StandIn { $0.refusals = [StandInAccount.refusal(503, "service_error", "away"), .nothing] }
        let run = try await Runs.hostal("server", "reboot", "web-1", at: standIn)
        let keys = standIn.changes.map { $0.headers["idempotency-key"] ?? "" }
        #expect(run.exit == 0 && keys.count == 3 && Set(keys).count == 1 && keys[0].utf8.count == 36)
        #expect(run.errors.contains("trying again in 1 s: away (service_error)\n"))
        _ = try await Runs.hostal("server", "reboot", "web-1", at: standIn)
        #expect(Set(standIn.changes.map { $0.headers["idempotency-key"] }).count == 2)
        _ = try await Runs.hostal("server", "reboot", "web-1", "--idempotency-key", "mine", at: standIn)
        #expect(standIn.changes.last?.headers["idempotency-key"] == "mine")
    }

    @Test(arguments: [
        (["reboot"], "reboot", ""), (["poweron"], "poweron", ""), (["poweroff", "--yes"], "poweroff", ""),
        (["reset", "--yes"], "reset", ""),
        (["undo", "--yes"], "undo", ""), (["reset-password"], "reset_password", ""), (["shutdown"], "shutdown", ""),
        (["shutdown", "--force-after", "2m"], "shutdown", #"{"force_after_seconds":120}"#),
        (["reinstall", "--yes"], "rebuild", #"{"image":5}"#),
        (["reinstall", "--yes", "--drop-user-data"], "rebuild", #"{"image":5,"user_data":null}"#),
        (["resize", "--plan", "large", "--upgrade-disk"], "change_type", #"{"server_type":2,"upgrade_disk":true}"#),
        (["rebuild", "--yes"], "rebuild", #"{"image":5}"#),
        (["change-type", "--plan", "large"], "change_type", #"{"server_type":2,"upgrade_disk":false}"#),
        (["power-cycle", "--yes"], "reset", ""),
    ])
    func eachVerbSendsItsAction(_ words: [String], _ action: String, _ body: String) async throws {
        let standIn = try StandIn()
        let run = try await CommandRun.run(
            Runs.program, ["vps", words[0], "web-1"] + words.dropFirst(), environment: Runs.environment(standIn))
        let sent = try #require(standIn.changes.first)
        #expect(run.exit == 0 && standIn.changes.count == 1)
        #expect(sent.method == "POST" && sent.path == "/v1/servers/17/actions/\(action)" && sent.body == body)
    }

    @Test func protectionIsByName() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "enable-protection", "web-1", "delete", "reinstall", at: standIn)
        #expect(try body(ChangeProtection.self, of: standIn.changes.first) == ChangeProtection(delete: true, rebuild: true))
        #expect(run.output == "server web-1 is protected against deletion and reinstallation\n")
    }

    @Test func labelsAreAddedToThoseThatAreThere() async throws {
        let standIn = try StandIn()
        _ = try await Runs.hostal("server", "add-label", "web-1", "tier=web", at: standIn)
        #expect(try body(UpdateNamed.self, of: standIn.changes.last).labels == ["env": "prod", "tier": "web"])
        let refused = try await Runs.hostal("server", "add-label", "web-1", "env=test", at: standIn)
        #expect(refused.exit == 5 && standIn.changes.count == 1)
        _ = try await Runs.hostal("server", "add-label", "web-1", "env=test", "--overwrite", at: standIn)
        #expect(try body(UpdateNamed.self, of: standIn.changes.last).labels == ["env": "test", "tier": "web"])
        let run = try await Runs.hostal("server", "remove-label", "web-1", "env", at: standIn)
        #expect(run.output == "server 17 is web-1, with labels tier=web\n")
    }

    @Test func aKeyIsAddedFromItsFileAndAPrivateOneIsNot() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal(
            "ssh-key", "create", "--name", "laptop", "--public-key-from-file", "-", at: standIn, input: "ssh-ed25519 AAAA me\n")
        let key = try body(CreateSSHKey.self, of: standIn.changes.first)
        #expect(run.exit == 0 && key.publicKey == "ssh-ed25519 AAAA me")
        let refused = try await Runs.hostal(
            "ssh-key", "create", "--name", "laptop", "--public-key-from-file", "-", at: standIn,
            input: "-----BEGIN OPENSSH PRIVATE KEY-----\n")
        #expect(refused.exit == 2 && standIn.changes.count == 1)
    }
}
