import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Servers whose disks are in Ceph, with a cluster in the host's own network: only with HOSTAL_CEPH=1.
@Suite(.serialized, .enabled(if: CephCluster.isAskedFor)) struct RBDLifeTests {
    private func with(
        _ name: String, keyring: String? = nil, _ body: (TestHost, CephCluster, StorageLife) async throws -> Void
    ) async throws {
        try await TestHost.with(name, cluster: try await PostgresCluster.shared()) { host in
            let ceph = try await CephCluster(on: host.machine)
            defer { ceph.stop() }
            try await host.addPool(
                "ceph-a", kind: "rbd", storage: "ceph",
                settings: [
                    "monitors=\(ceph.monitors)", "pool=\(ceph.pool)", "user=\(ceph.user)", "keyring=\(keyring ?? ceph.keyring)",
                ])
            try await body(host, ceph, try await StorageLife(on: host, storage: "ceph"))
        }
    }

    @Test(.timeLimit(.minutes(20))) func aServerLivesInCephAndItsDiskGoesAwayAndComesBack() async throws {
        try await with("rbd-life") { host, ceph, life in
            try await host.startWorker(engine: StorageLife.patience)
            try await life.run {
                #expect(try await ceph.images().filter { $0.hasPrefix("vol-") }.count == 1)
                try await expectTheKeyToBeLibvirtsAlone(host, ceph)
                try await ceph.control("kill-osd")
                let write = Task { try await life.owner.run("echo late > /data/late; sync; cat /data/late") }
                try await ceph.control("start-osd")
                #expect(try await write.value == "late")
            }
            let left = try await ceph.images()
            #expect(left.count == 1 && left[0].hasPrefix("image-") && !left[0].contains(".part-"), "\(left)")
        }
    }

    /// The order waits for the monitor, says so, and goes on when it is back.
    @Test(.timeLimit(.minutes(10))) func anOrderWaitsForAClusterThatIsDown() async throws {
        try await with("rbd-down") { host, ceph, life in
            try await ceph.control("kill-mon")
            try await host.startWorker(engine: StorageLife.patience.merging(["create_deadline_seconds": "300"]) { $1 })
            let order = try await life.create()
            let reader = OrderReader(database: await host.database)
            try await waitUntil("the order says why it waits", within: .seconds(60)) {
                try await reader.order(order)?.steps.contains { $0.name == "clone-volume" && $0.error != nil } ?? false
            }
            let waiting = try #require(try await reader.order(order))
            let error = try #require(waiting.steps.last?.error)
            #expect(!waiting.isOver && error.contains("pool 'ceph-a'") && error.contains("timed out"), "\(waiting)")
            try await ceph.control("start-mon")
            try await life.succeed(order)
            #expect(try await life.owner.run("echo here") == "here")
            try await life.succeed(try await host.orderDeletion(of: "s"))
            #expect(try await host.leftovers() == [])
            #expect(try await ceph.images().allSatisfy { $0.hasPrefix("image-") && !$0.contains(".part-") })
        }
    }

    @Test(.timeLimit(.minutes(10))) func aWrongKeyFailsTheOrderAndLeavesNothing() async throws {
        let wrong = "/tmp/hostal-wrong-key-\(UUID().uuidString.lowercased())"
        try Data("[client.vps]\n\tkey = AQBAAAAAAAAAABAAkBpUqDk1kd5P0LpRlWzZxA==\n".utf8).write(to: URL(filePath: wrong))
        defer { try? FileManager.default.removeItem(atPath: wrong) }
        try await with("rbd-key", keyring: wrong) { host, ceph, life in
            try await host.startWorker(engine: StorageLife.patience)
            let order = try await life.create()
            let end = try await host.finished(order, within: .seconds(60))
            // Undo cannot ask the cluster either whether anything is left: an operator mends the key, and it goes on.
            #expect(end.errorMessage?.contains("settings of the disk pool") == true, "\(end)")
            #expect(!"\(end)".contains("AQBAAAAA"))
            if end.state == "stuck" {
                try Data(contentsOf: URL(filePath: ceph.keyring)).write(to: URL(filePath: wrong))
                _ = try await Command(
                    TestHost.hostalctl, ["order", "retry", "\(order)", "--database", await host.connection]
                ).run()
                try await waitUntil("the order is over", within: .seconds(60)) {
                    try await OrderReader(database: await host.database).order(order)?.state == "failed"
                }
            }
            #expect(try await host.leftovers() == [])
            #expect(try await ceph.images() == [])
        }
    }

    /// Not in process lists, logs, definitions or rows: only in the file that libvirt keeps it in.
    private func expectTheKeyToBeLibvirtsAlone(_ host: TestHost, _ ceph: CephCluster) async throws {
        let keyring = try String(contentsOfFile: ceph.keyring, encoding: .utf8)
        let key = String(try #require(keyring.firstMatch(of: /key = (\S+)/)).output.1)
        let files = try await Command(
            "sh", ["-c", "grep -rlF --exclude-dir=secrets -f - \(host.machine.directory) || true"], input: key
        ).run()
        #expect(files == "", "the key is in \(files)")
        #expect(try await Command("ps", ["-eo", "args"]).run().contains(key) == false)
        let rows = try await host.database.query(
            "select (select string_agg(s::text, ' ') from hostal.job_steps s) || (select string_agg(p::text, ' ') from hostal.pools p)"
        )
        #expect(try #require(rows.first).get(0, as: String.self).contains(key) == false)
    }
}
