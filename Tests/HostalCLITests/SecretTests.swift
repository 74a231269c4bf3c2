import FoundationEssentials
import HostalTestKit
import HostalWire
import Testing

@Suite struct SecretTests {
    @Test func theTokenIsInNoOutputAndNoProcessList() async throws {
        let standIn = try StandIn { $0.looks = [StandInAccount.action("running")] }
        let seen = Seen()
        let run = try await CommandRun.run(
            Runs.program, ["server", "reboot", "web-1"], environment: Runs.environment(standIn)
        ) { pid in
            try await waitUntil("the change was sent") { !standIn.changes.isEmpty }
            await seen.keep(try Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline")))
            standIn.change { $0.looks = [StandInAccount.action("success")] }
        }
        let words = await String(decoding: seen.bytes, as: UTF8.self)
        #expect(run.exit == 0 && words.contains("reboot") && !words.contains(StandIn.token))
        #expect(!(run.output + run.errors).contains(StandIn.token))
    }

    private actor Seen {
        private(set) var bytes = Data()
        func keep(_ bytes: Data) { self.bytes = bytes }
    }

    @Test func aRefusedTokenIsNotShown() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "list", at: standIn, environment: ["HOSTAL_TOKEN": "wrong-t0ken"])
        #expect(run.exit == 3 && !(run.output + run.errors).contains("wrong-t0ken"))
    }

    @Test func aTokenThatWouldSplitAHeaderIsNotSent() async throws {
        let standIn = try StandIn()
        let run = try await Runs.hostal("server", "list", at: standIn, environment: ["HOSTAL_TOKEN": "a\r\nX-Evil: 1"])
        #expect(run.exit == 3 && standIn.requests.isEmpty)
    }

    @Test func plainHTTPToAnotherMachineIsRefusedBeforeTheTokenLeaves() async throws {
        let run = try await Runs.hostal(
            "server", "list", environment: ["HOSTAL_ENDPOINT": "http://192.0.2.1", "HOSTAL_TOKEN": "x"])
        #expect(run.exit == 2 && run.errors.contains("unencrypted"))
    }
}
