import FoundationEssentials
import HostalSystem
import HostalTestKit
import Testing

/// TLS by OpenSSL's own server, with a certificate that only a private authority vouches for.
@Suite struct AuthorityTests {
    private let directory = "/tmp/hostal-authority-\(UUID().uuidString.lowercased())"

    private func openssl(_ words: String...) async throws {
        _ = try await Command("openssl", words, timeout: .seconds(30)).run()
    }

    private func authority(_ name: String) async throws -> String {
        let file = "\(directory)/\(name).pem"
        try await openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=\(name)",
            "-keyout", "\(directory)/\(name).key", "-out", file)
        return file
    }

    /// The address of a server that answers `GET /v1/actions/1`.
    private func withServer(_ body: (String) async throws -> Void) async throws {
        try FileManager.default.createDirectory(atPath: "\(directory)/v1/actions", withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        _ = try await authority("ours")
        try await openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=api", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", "\(directory)/api.key", "-out", "\(directory)/api.csr")
        try await openssl(
            "x509", "-req", "-in", "\(directory)/api.csr", "-CA", "\(directory)/ours.pem", "-CAkey", "\(directory)/ours.key",
            "-days", "2", "-copy_extensions", "copy", "-out", "\(directory)/api.pem")
        let answer = #"{"action": {"id": 1, "command": "reboot_server", "status": "success", "progress": 100}}"#
        try "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n\(answer)".write(
            toFile: "\(directory)/v1/actions/1", atomically: false, encoding: .utf8)
        let log = "\(directory)/log"
        let server = try await ChildProcess.start(
            "sh",
            [
                "-c",
                "cd \(directory) && exec openssl s_server -accept 127.0.0.1:0 -HTTP -cert api.pem -key api.key -cert_chain ours.pem",
            ], output: log)
        do {
            var port: Substring?
            try await waitUntil("the server is ready") {
                let text = String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self)
                port = text.firstMatch(of: /ACCEPT [^ ]*:(\d+)/)?.1
                return port != nil
            }
            try await body("https://127.0.0.1:\(port ?? "")")
        } catch {
            await server.kill9()
            throw error
        }
        await server.kill9()
    }

    @Test func onlyTheAuthoritiesThatWereNamedVouchForTheAPI() async throws {
        try await withServer { address in
            let (ours, theirs) = ("\(directory)/ours.pem", try await authority("theirs"))
            let describe = ["action", "describe", "1", "-o", "json"]
            func run(_ words: [String], _ environment: [String: String] = [:], input: String = "") async throws -> CommandRun {
                let variables = Runs.environment(nil).merging(["HOSTAL_CONFIG": "\(directory)/cli.toml"]) { $1 }
                return try await CommandRun.run(
                    Runs.program, words, environment: variables.merging(environment) { $1 }, input: input)
            }
            let here = ["HOSTAL_ENDPOINT": address, "HOSTAL_TOKEN": StandIn.token]
            let trusted = try await run(describe + ["--ca-file", ours], here)
            #expect(trusted.exit == 0 && trusted.output.contains("reboot_server"), "\(trusted.errors)")
            let unknown = try await run(describe + ["--ca-file", theirs], here)
            #expect(unknown.exit == 11 && unknown.output.isEmpty, "\(unknown.errors)")
            #expect(try await run(describe, here).exit == 11)
            #expect(try await run(describe, here.merging(["HOSTAL_CA_FILE": ours]) { $1 }).exit == 0)
            // A flag wins over the environment.
            #expect(try await run(describe + ["--ca-file", theirs], here.merging(["HOSTAL_CA_FILE": ours]) { $1 }).exit == 11)
            let absent = try await run(describe + ["--ca-file", "/nonexistent/ca.pem"], here)
            #expect(absent.exit == 2 && absent.errors.contains("cannot read the authorities in /nonexistent/ca.pem"))

            // A context keeps it, for its own address alone.
            let create = ["context", "create", "work", "--endpoint", address, "--ca-file", ours]
            #expect(try await run(create, input: StandIn.token + "\n").exit == 0)
            #expect(try await run(describe).exit == 0)
            #expect(try await run(describe, ["HOSTAL_ENDPOINT": address]).exit == 11)
        }
    }
}
