import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

enum TinyImage {
    /// Built once for the machine and each version of its recipe, where the demo keeps its images too.
    static func file() async throws -> String {
        let variables = ProcessInfo.processInfo.environment
        let cache = variables["HOSTAL_CACHE"] ?? "\(variables["HOME"] ?? "/root")/.cache/hostal"
        let recipes = try await Command(TestHost.hostalctl, ["image", "recipes"], timeout: .seconds(20)).run()
        let recipe = try #require(recipes.split(separator: "\n").map { $0.split(separator: " ") }.first { $0.first == "tiny" })
        let file = "\(cache)/tiny-\(recipe[1]).qcow2"
        if !FileManager.default.fileExists(atPath: file) {
            try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
            _ = try await Command(
                TestHost.hostalctl, ["image", "build", "tiny", "--output", file, "--cache", "\(cache)/debs"],
                timeout: .seconds(1_200)
            ).run()
        }
        return file
    }
}

/// Guests with a kernel and a system, though a small one: built from Debian's packages, booted under emulation, reached by SSH.
@Suite struct TinyGuestTests {
    private static let bootLimit = Duration.seconds(180)

    @Test(.timeLimit(.minutes(30))) func aWorkerKilledAtEachStepStillLeadsToAGuestThatAnswers() async throws {
        let image = try await TinyImage.file()
        try await TestHost.with("tiny", cluster: try await PostgresCluster.shared()) { host in
            try await host.register(name: "tiny", file: image, virtualSize: 64 << 20)
            let key = "\(host.directory)/key"
            _ = try await Command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]).run()
            let publicKey = String(decoding: try Data(contentsOf: URL(filePath: key + ".pub")), as: UTF8.self)
            let keys = ["ssh_keys": try JSONText(encoding: [String(publicKey.dropLast())])]

            var seen: [[String]] = []
            for (number, step) in Workflow.createServer().steps.map(\.name).enumerated() {
                let point = "create-server/\(step)/after-effect"
                let order = try await host.order("guest-\(number)", image: "tiny", extra: keys)
                let victim = try await host.startWorker(faults: ["\(point)=kill"])
                let end = try await victim.end(within: .seconds(120))
                #expect(end == .signal(SIGKILL), "\(point)")
                let heir = try await host.startWorker()
                let created = try await host.finished(order, within: Self.bootLimit)
                #expect(created.state == "succeeded", "\(point): \(created)")
                // Two guests are logged in to; the others have reported, which no dead guest does.
                if number < 2 { seen.append(try await logIn(host, created, key: key)) }
                let deleted = try await host.finished(try await host.orderDeletion(of: "guest-\(number)"))
                #expect(deleted.state == "succeeded", "\(point): \(deleted)")
                await heir.kill9()
            }
            #expect(seen.map { $0[0] } == ["guest-0", "guest-1"])
            #expect(seen[0][1] != seen[1][1], "two guests have one machine id")
            #expect(seen[0][2] != seen[1][2], "two guests have one host key")
            let left = try await host.leftovers()
            #expect(left.isEmpty)
        }
    }

    /// By the reported host keys only. Answers host name, machine id and the host's keys.
    private func logIn(_ host: TestHost, _ order: OrderSummary, key: String) async throws -> [String] {
        let address = try #require(order.addresses.first)
        let known = "\(host.directory)/known-\(order.id)"
        try Data(order.hostKeys.map { "\(address) \($0)\n" }.joined().utf8).write(to: URL(filePath: known))
        let ssh = host.machine.commandInNetwork(
            "ssh",
            [
                "-i", key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=\(known)", "-o", "StrictHostKeyChecking=yes",
                "-o",
                "ConnectTimeout=20", "root@\(address)",
                "hostname; cat /etc/machine-id; echo; ping -c 1 203.0.113.1 >/dev/null && ping -c 1 2001:db8::1 >/dev/null && echo reached",
            ])
        let lines = try await Command(ssh.program, ssh.arguments).run().split(separator: "\n").map(String.init)
        #expect(lines.count == 3 && lines[2] == "reached", "\(lines)")
        return [lines[0], lines[1], order.hostKeys.joined()]
    }
}
