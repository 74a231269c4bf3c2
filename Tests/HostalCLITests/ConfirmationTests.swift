import HostalTestKit
import Testing

@Suite struct ConfirmationTests {
    @Test(arguments: [
        ["delete"], ["reinstall"], ["undo"], ["poweroff"], ["reset"], ["resize", "--plan", "small"],
    ])
    func withoutATerminalDestructionNeedsYes(_ words: [String]) async throws {
        let standIn = try StandIn()
        let command = ["server", words[0], "web-1"] + words.dropFirst()
        let refused = try await CommandRun.run(Runs.program, command, environment: Runs.environment(standIn), input: "web-1\n")
        #expect(refused.exit == 6 && standIn.changes.isEmpty && refused.errors.contains("use --yes"))
        let run = try await CommandRun.run(Runs.program, command + ["--yes"], environment: Runs.environment(standIn))
        #expect(run.exit == 0 && standIn.changes.count == 1)
    }

    @Test func onATerminalTheNameIsTyped() async throws {
        let standIn = try StandIn()
        let run = try await Runs.onTerminal(
            "server", "delete", "17", at: standIn, typing: [(after: "to delete server web-1: ", text: "web-1\n")])
        #expect(run.exit == 0 && standIn.changes.map(\.method) == ["DELETE"])
        #expect(run.errors.contains("(192.0.2.17), its disk and its addresses will be gone for good."))
        #expect(run.errors.contains("server web-1 is deleted"))
    }

    @Test(arguments: ["db-1\n", "\n", "y\n", "\u{04}"])
    func anotherAnswerChangesNothing(_ typed: String) async throws {
        let standIn = try StandIn()
        let run = try await Runs.onTerminal(
            "server", "delete", "web-1", at: standIn, typing: [(after: "to delete server web-1: ", text: typed)])
        #expect(run.exit == 6 && standIn.changes.isEmpty && run.errors.contains("nothing was changed"))
    }

    @Test func protectionWinsOverYes() async throws {
        let standIn = try StandIn { $0.refusals = [StandInAccount.refusal(423, "protected", "it is protected")] }
        #expect(try await Runs.hostal("server", "delete", "web-1", "--yes", at: standIn).exit == 6)
    }
}
