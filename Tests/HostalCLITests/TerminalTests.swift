import Glibc
import HostalTestKit
import Testing

@Suite struct TerminalTests {
    private static let escape: Character = "\u{1B}"

    @Test func aTerminalSeesTheRunningStepAndItsColours() async throws {
        let standIn = try StandIn {
            $0.looks = [
                StandInAccount.action(
                    "running", [("clone-volume", "done"), ("await-guest", "running")], waitingFor: "the report", progress: 50),
                StandInAccount.action("success", [("clone-volume", "done"), ("await-guest", "done")]),
            ]
        }
        let run = try await Runs.onTerminal("server", "reboot", "web-1", at: standIn, keepsOutputApart: true)
        #expect(run.exit == 0 && run.output == "server web-1 has restarted\n")
        #expect(run.errors.contains("… await guest  50 %  0 s  waiting for the report"))
        #expect(run.errors.contains("✓ clone volume  3 s"))
        let list = try await Runs.onTerminal("server", "list", at: standIn)
        #expect(list.errors.contains("\u{1B}[32mrunning"))
    }

    @Test func anInterruptionEndsTheWaitAndNamesTheAction() async throws {
        let standIn = try StandIn { $0.looks = [StandInAccount.action("running")] }
        let run = try await CommandRun.run(
            Runs.program, ["server", "reboot", "web-1"], environment: Runs.environment(standIn)
        ) { pid in
            try await waitUntil("it waits") { standIn.requests.contains { $0.path == "/v1/actions/99" } }
            kill(pid, SIGINT)
        }
        #expect(run.exit == 130 && run.output == "")
        #expect(run.errors.hasSuffix("\nstopped waiting; the action goes on: hostal action watch 99\n"))
    }

    @Test func colourIsLeftOutWhereItIsNotWanted() async throws {
        let standIn = try StandIn()
        let refused = try await Runs.onTerminal("server", "list", at: standIn, environment: ["NO_COLOR": "1"])
        #expect(refused.errors.contains("running") && !refused.errors.contains(Self.escape))
        let dumb = try await Runs.onTerminal("server", "reboot", "web-1", at: standIn, environment: ["TERM": "dumb"])
        #expect(dumb.exit == 0 && !dumb.errors.contains(Self.escape))
    }

    @Test(arguments: [["server", "list"], ["server", "reboot", "web-1"], ["server", "describe", "web-1"]])
    func withoutATerminalNothingIsSteered(_ words: [String]) async throws {
        let standIn = try StandIn()
        let run = try await CommandRun.run(Runs.program, words, environment: Runs.environment(standIn))
        #expect(run.exit == 0 && !(run.output + run.errors).contains { $0 == Self.escape || $0 == "\r" })
    }

    @Test func helpFitsEightyColumns() async throws {
        for noun in ["server", "action", "plan", "image", "location", "ssh-key", "primary-ip", "context", "completion"] {
            let help = try await Runs.hostal("help", noun, environment: ["COLUMNS": "80"])
            #expect(help.exit == 0 && help.errors == "")
            for line in help.output.split(separator: "\n") { #expect(line.count <= 80, "\(noun): \(line)") }
            let verbs = help.output.split(separator: "\n").filter {
                $0.hasPrefix("  ") && !$0.hasPrefix("   ") && !$0.hasPrefix("  -")
            }
            .compactMap { $0.split(separator: " ").first.map(String.init) }
            for verb in verbs where verb != "See" && verb != "hostal" && !verb.hasPrefix("<") && noun != "completion" {
                let text = try await Runs.hostal(noun, verb, "--help", environment: ["COLUMNS": "80"]).output
                #expect(text.contains("USAGE: hostal \(noun) \(verb)"))
                for line in text.split(separator: "\n") { #expect(line.count <= 80, "\(noun) \(verb): \(line)") }
            }
        }
    }

    @Test func bashCompletesNamesThatExistNow() async throws {
        let standIn = try StandIn()
        let script = """
            source <("$0" completion bash); hostal() { "$HOSTAL" "$@"; }
            COMP_WORDS=(hostal server describe w); COMP_CWORD=3; COMP_LINE="hostal server describe w"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
            _hostal hostal w describe; echo "${COMPREPLY[@]}"
            """
        let run = try await CommandRun.run(
            "/bin/bash", ["-c", script, Runs.program],
            environment: Runs.environment(standIn).merging(["HOSTAL": Runs.program]) { $1 })
        #expect(run.output == "web-1\n", "\(run.errors)")
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func aShellHasItsScript(_ shell: String) async throws {
        let script = try await Runs.hostal("completion", shell)
        #expect(
            script.exit == 0 && script.output.contains("hostal") && script.output.contains("reinstall")
                && !script.output.contains("rebuild"))
    }
}
