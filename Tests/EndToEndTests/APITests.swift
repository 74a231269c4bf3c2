import FoundationEssentials
import Glibc
import HostalDatabase
import HostalSystem
import HostalTestKit
import Testing

/// A customer's way, whole: the `hostal` command, the API's process, a worker, a real domain, and back.
@Suite struct APITests {
    private static var hostal: String { TestHost.hostald.dropLast("hostald".count) + "hostal" }

    @Test(.timeLimit(.minutes(10))) func aServerIsOrderedManagedAndEndedThroughTheAPI() async throws {
        try await TestHost.with("api", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            try await host.startWorker()
            let connection = await host.connection
            _ = try await Command(TestHost.hostalctl, ["account", "create", "alice", "--database", connection]).run()
            let made = try await Command(
                TestHost.hostalctl, ["token", "create", "--account", "1", "--name", "t", "--database", connection]
            ).run()
            let token = String(made.filter { !$0.isWhitespace })

            let file = try await host.settings()
            let settings =
                String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self) + "api: {listen: \"127.0.0.1:0\"}\n"
            try Data(settings.utf8).write(to: URL(filePath: file))
            let log = "\(host.directory)/api.log"
            let api = try await ChildProcess.start(TestHost.hostald, ["api", "--config", file], output: log)
            func logged() throws -> String { String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self) }
            try await waitUntil("the api is ready") { (try? logged().contains("api is ready")) ?? false }
            let port = try #require(try logged().firstMatch(of: /api is ready on 127\.0\.0\.1 port (\d+)/)?.1)
            let environment = ["HOSTAL_ENDPOINT": "http://127.0.0.1:\(port)/v1", "HOSTAL_TOKEN": token, "HOME": host.directory]
            func hostal(_ words: String...) async throws -> String {
                let run = try await CommandRun.run(Self.hostal, words, environment: environment, limit: .seconds(120))
                #expect(run.exit == 0, "hostal \(words.joined(separator: " ")): \(run.errors)")
                return run.output
            }

            _ = try await hostal(
                "server", "create", "--name", "web", "--type", "small", "--image", "halted", "--label", "env=prod")
            let list = try await hostal("server", "list")
            #expect(list.contains("web") && list.contains("running") && list.contains("203.0.113.10"), "\(list)")
            let domains = try await host.machine.run("virsh", ["-q", "-c", "qemu:///system", "list", "--name"])
            #expect(domains.split(separator: "\n").count == 1)
            let image = try await hostal(
                "server", "create-image", "web", "--description", "whole", "-o", "columns=id", "-o", "noheader"
            ).filter(\.isNumber)
            let described = try await hostal("image", "describe", image)
            #expect(described.contains("available") && described.contains("whole"), "\(described)")
            _ = try await hostal("server", "create", "--name", "copy", "--type", "small", "--image", image)
            #expect(try await hostal("server", "list").contains("image \(image)"))
            _ = try await hostal("server", "reinstall", "copy", "--image", image, "--yes")
            _ = try await hostal("server", "delete", "copy", "--yes")
            _ = try await hostal("server", "poweroff", "web", "--yes")
            #expect(try await hostal("server", "list").contains("off"))
            _ = try await hostal("server", "poweron", "web")
            _ = try await hostal("server", "delete", "web", "--yes")
            #expect(try await !hostal("server", "list").contains("web"))
            let left = try await host.leftovers()
            #expect(left == [])

            kill(api.pid, SIGTERM)
            #expect(try await api.end(within: .seconds(10)) == .exit(0))
            let all = try logged()
            #expect(all.contains("stopped") && !all.contains(token), "\(all)")
        }
    }
}
