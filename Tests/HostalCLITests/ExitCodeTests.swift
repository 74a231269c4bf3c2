import HostalTestKit
import HostalWire
import Testing

/// The table of docs/cli.md, by runs of the program.
@Suite struct ExitCodeTests {
    @Test(arguments: [
        (401, "unauthorized", 3), (403, "forbidden", 3), (403, "token_readonly", 3), (404, "not_found", 4), (409, "conflict", 5),
        (423, "locked", 5), (409, "uniqueness_error", 5), (423, "protected", 6), (422, "limit_reached", 7),
        (422, "resource_unavailable", 7),
        (412, "resource_unavailable", 7), (422, "placement_error", 7), (422, "invalid_input", 2), (501, "unsupported_error", 1),
        (500, "service_error", 11), (500, "something_new", 11), (418, "something_new", 1),
    ])
    func aRefusalHasItsCode(_ status: Int, _ code: String, _ exit: Int32) async throws {
        let standIn = try StandIn { $0.refusals = [StandInAccount.refusal(status, code, "no", field: "server_type")] }
        let run = try await Runs.hostal("server", "reboot", "web-1", at: standIn)
        #expect(run.exit == exit && run.output == "")
        #expect(
            run.errors
                == "hostal: cannot reboot server web-1: no\n  --plan: is not right\n  code \(code), correlation id c0ffee\n")
    }

    @Test func anActionThatFailedAndWasRolledBackIs8() async throws {
        let error = ActionError(code: "resource_unavailable", message: "cannot place the server: no host has room")
        let standIn = try StandIn { $0.looks = [StandInAccount.action("error", [("clone-volume", "undone")], error: error)] }
        let run = try await Runs.hostal("server", "create", "--name", "a", "--plan", "small", "--image", "debian-12", at: standIn)
        #expect(run.exit == 8 && run.output == "")
        #expect(
            run.errors.hasSuffix(
                "hostal: cannot place the server: no host has room\n  everything was undone\n  code resource_unavailable, action 99\n"
            ))
    }

    @Test func anActionThatCouldNotBeUndoneIs9() async throws {
        let error = ActionError(code: "service_error", message: "internal error")
        let standIn = try StandIn {
            $0.looks = [StandInAccount.action("error", [("clone-volume", "undoing")], error: error, needsAttention: true)]
        }
        let run = try await Runs.hostal("server", "reboot", "web-1", at: standIn)
        #expect(run.exit == 9 && run.errors.contains("your provider must look at action 99"))
    }

    @Test func anActionThatOutlastsTheWaitIs10() async throws {
        let standIn = try StandIn {
            $0.looks = [
                StandInAccount.action("running", [("await-guest", "running")], waitingFor: "the guest's report", progress: 62)
            ]
        }
        let run = try await Runs.hostal("server", "reboot", "web-1", "--wait-timeout", "1s", at: standIn)
        #expect(run.exit == 10 && run.output == "")
        #expect(run.errors.contains("cannot reboot server web-1 in 1 s: it is still being done, 62 %"))
        #expect(run.errors.contains("hostal action watch 99"))
    }

    @Test func anAPIThatIsNotThereIs11() async throws {
        let run = try await Runs.hostal(
            "server", "list", environment: ["HOSTAL_ENDPOINT": "http://127.0.0.1:1", "HOSTAL_TOKEN": "x"])
        #expect(run.exit == 11 && run.errors.contains("hostal: cannot list servers: http://127.0.0.1:1/v1 gives no answer"))
    }

    @Test(arguments: [
        ["server", "lst"], ["server", "describe"], ["server", "list", "-o", "xml"],
        ["server", "list", "-o", "json", "-o", "yaml"],
        ["server", "list", "-o", "columns=nothing"], ["server", "reboot", "web-1", "--wait-timeout", "soon"],
        ["server", "create", "--name", "a"], ["completion", "tcsh"],
    ])
    func aCommandLineThatMeansNothingIs2(_ words: [String]) async throws {
        let standIn = try StandIn()
        let run = try await CommandRun.run(Runs.program, words, environment: Runs.environment(standIn))
        #expect(run.exit == 2 && run.output == "" && run.errors.hasPrefix("hostal: "))
        #expect(standIn.changes.isEmpty)
    }

    @Test func anUnknownNameIs4AndAnAmbiguousOne5() async throws {
        let standIn = try StandIn()
        let unknown = try await Runs.hostal("server", "describe", "web-9", at: standIn)
        #expect(unknown.exit == 4 && unknown.errors == "hostal: cannot describe server web-9: there is no server 'web-9'\n")
        let ambiguous = try await Runs.hostal("ssh-key", "describe", "3", at: standIn)
        #expect(ambiguous.exit == 5 && ambiguous.errors.contains("'3' could be more than one SSH key: 3, 4;"))
    }

    @Test func noTokenIs3AndNoAddress2() async throws {
        let address = try await Runs.hostal("server", "list", environment: ["HOSTAL_TOKEN": "x"])
        #expect(address.exit == 2 && address.errors.contains("cannot reach an API"))
        let token = try await Runs.hostal("server", "list", environment: ["HOSTAL_ENDPOINT": "http://127.0.0.1:1"])
        #expect(token.exit == 3 && token.errors.contains("there is no token"))
    }
}
