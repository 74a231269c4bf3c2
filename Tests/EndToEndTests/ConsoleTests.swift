import FoundationEssentials
import HostalDatabase
import HostalSystem
import HostalTestKit
import Testing

/// From a customer's keyboard to a guest's serial line and back: command, API, libvirt, QEMU.
@Suite struct ConsoleTests {
    @Test(.timeLimit(.minutes(5))) func aCustomerTypesToAServerAndIsAnswered() async throws {
        try await TestHost.with("console", cluster: try await PostgresCluster.shared()) { host in
            try await host.importImage(of: BootSectors.echo, file: "echo", name: "echo")
            await host.startStandIn()
            try await host.startWorker()
            let connection = await host.connection
            func hostalctl(_ words: String...) async throws -> String {
                try await Command(TestHost.hostalctl, words + ["--database", connection], timeout: .seconds(30)).run()
            }
            _ = try await hostalctl("account", "create", "alice")
            let token = try await hostalctl("token", "create", "--account", "1", "--name", "t").filter { !$0.isWhitespace }

            let file = try await host.settings()
            let settings =
                String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self) + "api: {listen: \"127.0.0.1:0\"}\n"
            try Data(settings.utf8).write(to: URL(filePath: file))
            let log = "\(host.directory)/api.log"
            let api = try await ChildProcess.start(TestHost.hostald, ["api", "--config", file], output: log)
            func logged() throws -> String { String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self) }
            try await waitUntil("the api is ready") { (try? logged().contains("api is ready")) ?? false }
            let port = try #require(try logged().firstMatch(of: /api is ready on 127\.0\.0\.1 port (\d+)/)?.1)
            let environment = [
                "HOSTAL_ENDPOINT": "http://127.0.0.1:\(port)/v1", "HOSTAL_TOKEN": token, "HOME": host.directory, "TERM": "xterm",
            ]
            let hostal = String(TestHost.hostald.dropLast("hostald".count)) + "hostal"
            let created = try await CommandRun.run(
                hostal, ["server", "create", "--name", "web", "--plan", "small", "--image", "echo"], environment: environment,
                limit: .seconds(120))
            #expect(created.exit == 0, "\(created.errors)")

            // Nobody has said where the host's libvirt is.
            let console = ["server", "console", "web"]
            let refused = try await CommandRun.run(hostal, console, environment: environment)
            #expect(refused.exit == 11 && refused.errors.contains("hostalctl host set"), "\(refused.errors)")
            _ = try await hostalctl("host", "set", "test", "--libvirt-uri", host.machine.libvirtURI)

            let session = try await CommandRun.onTerminal(
                hostal, console, environment: environment,
                typing: [("Ctrl-] ends it", "hello\u{3}"), ("hello\u{3}", "\u{1D}")])
            #expect(session.exit == 0 && session.errors.contains("console closed"), "\(session)")

            let piped = "\(host.directory)/piped"
            let pipe = try await ChildProcess.start(
                "sh", ["-c", "printf 'from a pipe' | '\(hostal)' server console web"], environment: environment, output: piped)
            func said() throws -> String { String(decoding: try Data(contentsOf: URL(filePath: piped)), as: UTF8.self) }
            try await waitUntil("it was typed and said") { try said().contains("from a pipe") }
            // Its end is the power's.
            _ = try await host.machine.run(
                "sh", ["-c", "virsh -q -c qemu:///system destroy $(virsh -q -c qemu:///system list --name)"])
            #expect(try await pipe.end(within: .seconds(20)) == .exit(0))
            #expect(try said().contains("console closed: the server was powered off"))

            let opened = try await host.database.query("select count(*) from hostal.events where kind = 'console_opened'")
            #expect(try opened.first?.get(0, as: Int64.self) == 2)
            #expect(try !logged().contains("hello"))
            await api.kill9()
        }
    }
}
