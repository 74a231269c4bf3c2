import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// The life of a server with a kernel and a system, as its owner sees it: over SSH, by the host keys that Hostal has told.
@Suite struct TinyLifeTests {
    private static let bootLimit = Duration.seconds(240)
    private static let hash =
        "$6$hostaltest$U7mkeN0hG8sCvT6QpFqB2HhS9x0vKjJqgk4uM3Zbq1y5n8cXw2aLr7dEoPiRtYuIoPlKjHgFdSaZxCvBnMqWe1"

    @Test(.timeLimit(.minutes(30))) func aServerIsRebootedReinstalledBroughtBackResizedAndDeleted() async throws {
        let image = try await TinyImage.file()
        try await TestHost.with("life", cluster: try await PostgresCluster.shared()) { host in
            try await host.register(name: "tiny", file: image, virtualSize: 64 << 20)
            var large = Samples.plan
            large.name = "large"
            large.memory = Mebibytes(192)
            large.disk = Gibibytes(2)
            try await host.add(large)
            var larger = large
            larger.name = "larger"
            larger.vcpus = 2
            larger.memory = Mebibytes(320)
            larger.disk = Gibibytes(3)
            try await host.add(larger)
            let owner = try await Owner(host)
            let patience = ["reboot_patience_seconds": "20"]
            var worker = try await host.startWorker(engine: patience)

            func done(_ order: OrderID) async throws {
                let end = try await host.finished(order, within: Self.bootLimit)
                #expect(end.state == "succeeded", "\(end)")
            }
            try await done(try await host.order("s", name: "life", image: "tiny", extra: owner.keys))
            let firstBoot = try await owner.run("cat /proc/sys/kernel/random/boot_id; echo precious > /data/file; sync")
            let firstKeys = try await owner.hostKeys()

            // A guest that hears the power button shuts down by itself, long before it would lose its power.
            let asked = ContinuousClock.now
            try await done(try await host.order("reboot", 1, for: "s"))
            print("tiny life: a soft reboot took \(ContinuousClock.now - asked)")
            #expect(try await owner.run("cat /proc/sys/kernel/random/boot_id") != firstBoot)
            #expect(try await owner.hostKeys() == firstKeys)
            let waited = try await host.database.query(
                "select extract(epoch from finished_at - started_at)::float8 from hostal.job_steps where name = 'shut-down-guest'"
            )
            #expect(try #require(waited.first).get(0, as: Double.self) < 20, "the guest did not hear the power button")

            // Reinstalled, with the worker killed while nothing runs, between the two disks.
            await worker.kill9()
            let reinstall = try await host.order("reinstall", 2, for: "s", ["image": try JSONText(encoding: "tiny")])
            worker = try await host.startWorker(faults: ["reinstall-server/switch-disk/inside-fence=kill"], engine: patience)
            #expect(try await worker.end(within: .seconds(120)) == .signal(SIGKILL))
            worker = try await host.startWorker(engine: patience)
            try await done(reinstall)
            #expect(try await owner.run("cat /data/file 2>/dev/null || echo nothing") == "nothing")
            #expect(try await owner.hostKeys() != firstKeys)

            try await done(try await host.order("undo", 3, for: "s"))
            #expect(try await owner.run("cat /data/file") == "precious")
            #expect(try await owner.hostKeys() == firstKeys)

            let facts =
                "awk '/MemTotal/ {print $2}' /proc/meminfo; cat /sys/class/block/vda/size; df -k /data | awk 'END {print $2}'"
            let before = try await owner.numbers(facts)
            try await done(
                try await host.order(
                    "resize", 4, for: "s", ["plan": try JSONText(encoding: "large"), "upgrade_disk": JSONText(text: "true")]))
            let after = try await owner.numbers(facts)
            // 64 MiB more, less what the larger system keeps for itself.
            #expect(after[0] - before[0] > 20 << 10, "memory in KiB: \(before[0]), then \(after[0])")
            #expect(before[1] == 1 << 21 && after[1] == 1 << 22, "sectors: \(before[1]), then \(after[1])")
            #expect(after[2] > before[2] * 3 / 2, "the file system's KiB: \(before[2]), then \(after[2])")
            #expect(try await owner.run("cat /data/file") == "precious")

            // Larger still, while it runs. Its system has no udev, which elsewhere puts to use what has been added.
            let boot = "cat /proc/sys/kernel/random/boot_id"
            let bootBefore = try await owner.run(boot)
            let growing = ContinuousClock.now
            try await done(
                try await host.order(
                    "resize", 8, for: "s", ["plan": try JSONText(encoding: "larger"), "upgrade_disk": JSONText(text: "true")]))
            print("tiny life: a growth while running took \(ContinuousClock.now - growing)")
            try await waitUntil("the guest sees what was added", within: .seconds(30)) {
                try await owner.run("ls -d /sys/devices/system/cpu/cpu1 /sys/devices/system/memory/memory32 2>/dev/null | wc -l")
                    == "2"
            }
            _ = try await owner.run(
                "echo 1 > /sys/devices/system/cpu/cpu1/online; echo online > /sys/devices/system/memory/memory32/state")
            let grown = try await owner.numbers(facts)
            #expect(grown[0] - after[0] > 100 << 10, "memory in KiB: \(after[0]), then \(grown[0])")
            #expect(grown[1] == 3 << 21, "sectors: \(after[1]), then \(grown[1])")
            #expect(try await owner.run("grep -c ^processor /proc/cpuinfo") == "2")
            #expect(try await owner.run(boot) == bootBefore, "it was restarted")

            try await done(
                try await host.order("reset_password", 5, for: "s", ["password_hash": try JSONText(encoding: Self.hash)]))
            #expect(try await owner.run("cat /etc/shadow").contains("root:\(Self.hash):"))

            try await done(try await host.order("shutdown", 6, for: "s"))
            #expect(try await host.power() == "off")
            #expect(StandIn(directory: host.directory).running() == [])
            try await done(try await host.order("poweron", 7, for: "s"))
            try await waitUntil("the guest answers again", within: Self.bootLimit) {
                do { return try await owner.run("cat /data/file") == "precious" } catch is CommandError { return false }
            }
            // The guest powers itself off: nobody ordered it, and it is told all the same.
            _ = try await owner.run("poweroff")
            try await waitUntil("the power is told", within: .seconds(60)) { try await host.power() == "off" }

            try await done(try await host.orderDeletion(of: "s"))
            #expect(try await host.leftovers() == [])
        }
    }

    @Test(.timeLimit(.minutes(15))) func aReinstallToAnImageThatNeverBootsGivesTheOldGuestBack() async throws {
        let image = try await TinyImage.file()
        try await TestHost.with("unbootable", cluster: try await PostgresCluster.shared()) { host in
            try await host.register(name: "tiny", file: image, virtualSize: 64 << 20)
            try await host.importHaltedImage()
            let owner = try await Owner(host)
            try await host.startWorker(engine: ["reboot_patience_seconds": "20", "reinstall_deadline_seconds": "40"])
            let created = try await host.finished(
                try await host.order("s", name: "life", image: "tiny", extra: owner.keys), within: Self.bootLimit)
            #expect(created.state == "succeeded", "\(created)")
            _ = try await owner.run("echo precious > /data/file; sync")

            let order = try await host.order("reinstall", 1, for: "s", ["image": try JSONText(encoding: "halted")])
            let probe = Task { try await owner.outage() }
            let end = try await host.finished(order, within: Self.bootLimit)
            #expect(end.state == "failed" && end.errorCode == "guest_did_not_answer", "\(end)")
            let outage = try await probe.value
            print("tiny life: an outage of \(outage) for a reinstall that failed after 40 s")
            #expect(outage < .seconds(120))
            #expect(try await owner.run("cat /data/file") == "precious")
            let end2 = try await host.finished(try await host.orderDeletion(of: "s"))
            #expect(end2.state == "succeeded")
            #expect(try await host.leftovers() == [])
        }
    }
}

/// Who has the key, and trusts only what Hostal tells of the server.
struct Owner: Sendable {
    let host: TestHost
    let key: String

    init(_ host: TestHost) async throws {
        self.host = host
        key = "\(host.directory)/key"
        _ = try await Command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]).run()
    }

    var keys: [String: JSONText] {
        get throws {
            let text = String(decoding: try Data(contentsOf: URL(filePath: key + ".pub")), as: UTF8.self)
            return ["ssh_keys": try JSONText(encoding: [String(text.dropLast())])]
        }
    }

    func hostKeys() async throws -> [String] {
        try #require(try await host.database.query("select host_keys from hostal.servers where state <> 'deleted'").first).get(0)
    }

    private func address() async throws -> String {
        try #require(
            try await host.database.query(
                "select host(ip) from hostal.addresses where state = 'assigned' order by family(ip) limit 1"
            )
            .first
        ).get(0)
    }

    /// Runs a command in the guest and returns what it printed, without the last newline.
    func run(_ command: String) async throws -> String {
        let address = try await address()
        let known = "\(host.directory)/known"
        try Data(try await hostKeys().map { "\(address) \($0)\n" }.joined().utf8).write(to: URL(filePath: known))
        let ssh = host.machine.commandInNetwork(
            "ssh",
            [
                "-i", key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=\(known)", "-o", "StrictHostKeyChecking=yes",
                "-o",
                "ConnectTimeout=20", "root@\(address)", command,
            ])
        let text = try await Command(ssh.program, ssh.arguments).run()
        return String(text.reversed().drop { $0.isNewline }.reversed())
    }

    func numbers(_ command: String) async throws -> [Int] {
        let numbers = try await run(command).split(separator: "\n").compactMap { Int($0) }
        try #require(numbers.count == 3)
        return numbers
    }

    /// From the first connection to its SSH server that fails to the first that works again.
    func outage() async throws -> Duration {
        let address = try await address()
        let connect = host.machine.commandInNetwork("timeout", ["2", "bash", "-c", "</dev/tcp/\(address)/22"])
        func answers() async -> Bool { (try? await Command(connect.program, connect.arguments).run()) != nil }
        try #require(await answers(), "the guest does not answer before anything has happened")
        try await waitUntil("the guest goes away", within: .seconds(60)) { await !answers() }
        let began = ContinuousClock.now
        try await waitUntil("the guest is back", within: .seconds(240)) { await answers() }
        return ContinuousClock.now - began
    }
}
