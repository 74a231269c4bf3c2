import FoundationEssentials
import Glibc
import HostalTestKit
import Testing

@Suite struct ContextTests {
    private let directory = "/tmp/hostal-context-\(UUID().uuidString.lowercased())"
    private var file: String { directory + "/deep/cli.toml" }

    private func withDirectory(_ body: () async throws -> Void) async throws {
        guard mkdir(directory, 0o755) == 0 else { throw TestKitError("cannot make \(directory)") }
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        try await body()
    }

    private func run(_ words: String..., environment: [String: String] = [:], input: String = "") async throws -> CommandRun {
        var variables = Runs.environment(nil)
        variables["HOSTAL_CONFIG"] = file
        return try await CommandRun.run(Runs.program, words, environment: variables.merging(environment) { $1 }, input: input)
    }

    private func write(_ text: String, mode: mode_t = 0o600) throws {
        mkdir(directory + "/deep", 0o700)
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, mode)
    }

    @Test func aContextIsKeptForItsOwnerAlone() async throws {
        try await withDirectory {
            let standIn = try StandIn()
            let created = try await run("context", "create", "work", "--endpoint", standIn.address, input: StandIn.token + "\n")
            #expect(created.exit == 0 && created.output == "" && created.errors == "context work is in use\n")
            var status = stat()
            #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
            #expect(stat(directory + "/deep", &status) == 0 && status.st_mode & 0o777 == 0o700)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory + "/deep") == ["cli.toml"])
            #expect(try await run("server", "ip", "web-1").output == "192.0.2.17\n")
        }
    }

    @Test func aTokenIsTypedWithoutEcho() async throws {
        try await withDirectory {
            let run = try await Runs.onTerminal(
                "context", "create", "work", "--endpoint", "https://api.example.net", environment: ["HOSTAL_CONFIG": file],
                typing: [(after: "Token for https://api.example.net/v1: ", text: "typed-t0ken\n")])
            #expect(run.exit == 0 && !run.errors.contains("typed-t0ken"))
            #expect(
                try String(decoding: Data(contentsOf: URL(filePath: file)), as: UTF8.self).contains("token = \"typed-t0ken\"\n"))
        }
    }

    @Test func flagBeatsEnvironmentBeatsContextAndTheTokenVariableBeatsAll() async throws {
        try await withDirectory {
            let standIn = try StandIn()
            try write(
                """
                active = "a"
                [contexts.a]
                endpoint = "\(standIn.address)/v1/a"
                token = "token-a"
                [contexts.b]
                endpoint = "\(standIn.address)/v1/b"
                token = "token-b"
                """)
            func asked(_ words: String..., environment: [String: String] = [:]) async throws -> String {
                var variables = Runs.environment(nil)
                variables["HOSTAL_CONFIG"] = file
                _ = try await CommandRun.run(
                    Runs.program, ["location", "list"] + words, environment: variables.merging(environment) { $1 })
                let last = standIn.requests.last
                return "\(last?.path ?? "") \(last?.headers["authorization"] ?? "")"
            }
            #expect(try await asked() == "/v1/a/locations Bearer token-a")
            #expect(try await asked(environment: ["HOSTAL_CONTEXT": "b"]) == "/v1/b/locations Bearer token-b")
            #expect(try await asked("--context", "a", environment: ["HOSTAL_CONTEXT": "b"]) == "/v1/a/locations Bearer token-a")
            #expect(try await asked("--context", "b", environment: ["HOSTAL_TOKEN": "mine"]) == "/v1/b/locations Bearer mine")
            #expect(
                try await asked(environment: ["HOSTAL_ENDPOINT": "\(standIn.address)/v1/e"]) == "/v1/e/locations Bearer token-a")
            #expect(
                try await asked(
                    "--endpoint", "\(standIn.address)/v1/f", environment: ["HOSTAL_ENDPOINT": "\(standIn.address)/v1/e"])
                    == "/v1/f/locations Bearer token-a")
        }
    }

    @Test func aFileThatOthersMayReadIsNotUsed() async throws {
        try await withDirectory {
            try write("active = \"a\"\n", mode: 0o640)
            let refused = try await run("context", "list")
            #expect(refused.exit == 1 && refused.errors.contains("chmod 600"))
            chmod(file, 0o600)
            #expect(try await run("context", "list").exit == 0)
        }
    }

    @Test(arguments: [
        ("active = a", 1), ("active = \"a\"\n[contexts.a]\nport = \"1\"", 3), ("[other]", 1), ("[contexts.a]\n[contexts.a]", 2),
        ("[contexts.a b]", 1), ("active = \"a\" x", 1), ("token = \"a\"", 1), ("active = \"a\"\nactive = \"b\"", 2),
        ("x", 1), ("active = \"\"\"a\"\"\"", 1), ("active = \"\\u0041\"", 1),
    ])
    func whatIsNotUnderstoodIsRefusedWithItsLine(_ text: String, _ line: Int) async throws {
        try await withDirectory {
            try write(text)
            let run = try await run("context", "list")
            #expect(run.exit == 1 && run.errors.contains("line \(line): "))
            #expect(try await self.run("context", "use", "a").exit == 1)
            #expect(try String(decoding: Data(contentsOf: URL(filePath: file)), as: UTF8.self) == text)
        }
    }

    @Test func contextsAreListedUsedAndDeletedWithoutTheirTokens() async throws {
        try await withDirectory {
            try write(
                "# mine\nactive = \"a\"\n\n[contexts.a]\nendpoint = \"https://a.example.net/v1\" # first\ntoken = \"t\\\"o\\\\k\"\n\n[contexts.b]\nendpoint = \"https://b.example.net/v1\"\ntoken = \"tb\"\n"
            )
            #expect(try await run("context", "use", "b").exit == 0)
            #expect(try await run("context", "active").output == "b\n")
            let list = try await run("context", "list")
            #expect(
                list.output
                    == "ACTIVE  NAME  ENDPOINT\n        a     https://a.example.net/v1\n*       b     https://b.example.net/v1\n")
            #expect(
                try String(decoding: Data(contentsOf: URL(filePath: file)), as: UTF8.self).contains("token = \"t\\\"o\\\\k\"\n"))
            #expect(try await run("context", "delete", "b").exit == 0)
            #expect(try await run("context", "active").exit == 4)
            #expect(try await run("context", "delete", "b").exit == 4)
            let again = try await run("context", "create", "a", "--endpoint", "https://a.example.net", input: "x\n")
            #expect(again.exit == 5 && again.errors.contains("--replace"))
        }
    }
}
