import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// The life of a server whose disks are LUNs of a real target, with a guest that boots from them.
@Suite struct ISCSILifeTests {
    private static let bootLimit = Duration.seconds(240)
    private static let pool = "luns"

    /// A host that reaches a storage server with plans of its class, and a worker that has patience with it.
    private struct Scene {
        let host: TestHost
        let server: TgtServer
        let owner: Owner
        static let engine = ["reboot_patience_seconds": "20", "attempts": "100", "back_off_limit_seconds": "1"]

        func done(_ order: OrderID) async throws {
            let end = try await host.finished(order, within: ISCSILifeTests.bootLimit)
            #expect(end.state == "succeeded", "\(end)")
            try #require(end.state == "succeeded")
        }
        func create() async throws -> OrderID {
            try await host.order("s", name: "life", image: "tiny", plan: "net", extra: owner.keys)
        }
        /// That step has failed for now, and says why to operators.
        func waits(_ order: OrderID, in step: String, saying text: String, namesPool: Bool = true) async throws {
            try await waitUntil("\(step) says '\(text)'", within: .seconds(60)) {
                let rows = try await host.database.query(
                    """
                    select coalesce(s.error ->> 'detail', '') from hostal.job_steps s join hostal.jobs j on j.id = s.job_id
                     where j.order_id = \(order) and s.name = \(step)
                    """)
                return try rows.contains {
                    let detail = try $0.get(0, as: String.self)
                    return (detail.contains("pool 'luns'") || !namesPool) && detail.contains(text)
                }
            }
            #expect(try await OrderReader(database: host.database).order(order)?.isOver == false)
        }
        func deleteAndFindNothingLeft() async throws {
            try await done(try await host.orderDeletion(of: "s"))
            #expect(try await host.leftovers() == [])
            #expect(try await server.leftovers() == [])
        }
    }

    private func with(_ name: String, _ body: (Scene) async throws -> Void) async throws {
        let image = try await TinyImage.file()
        try await TestHost.with(name, cluster: try await PostgresCluster.shared()) { host in
            try await host.register(name: "tiny", file: image, virtualSize: 64 << 20)
            for (name, disk) in [("net", 1), ("net-large", 2)] {
                var plan = Samples.plan
                plan.name = name
                plan.disk = Gibibytes(disk)
                plan.storage = "net"
                try await host.add(plan)
            }
            let server = try await TgtServer.start(in: "\(host.directory)/target", pool: Self.pool, machine: host.machine)
            do {
                try await host.addPool(
                    Self.pool, kind: "iscsi", storage: "net", settings: server.settings.map { "\($0.key)=\($0.value)" })
                try await body(Scene(host: host, server: server, owner: try await Owner(host)))
            } catch {
                await server.kill9()
                throw error
            }
            await server.kill9()
        }
    }

    @Test(.timeLimit(.minutes(20))) func aServerOnALUNIsReinstalledResizedAndDeleted() async throws {
        try await with("iscsi-life") { scene in
            try await scene.host.startWorker(engine: Scene.engine)
            try await scene.done(try await scene.create())
            _ = try await scene.owner.run("echo precious > /data/file; sync")
            try await checkNoSecretShows(scene)

            try await scene.done(
                try await scene.host.order("reinstall", 1, for: "s", ["image": try JSONText(encoding: "tiny")]))
            #expect(try await scene.owner.run("cat /data/file 2>/dev/null || echo nothing") == "nothing")
            _ = try await scene.owner.run("echo newer > /data/file; sync")

            try await scene.done(
                try await scene.host.order(
                    "resize", 2, for: "s", ["plan": try JSONText(encoding: "net-large"), "upgrade_disk": JSONText(text: "true")]))
            #expect(try await scene.owner.run("cat /sys/class/block/vda/size; cat /data/file") == "\(1 << 22)\nnewer")
            // Deleted blocks go back to the storage server: it has thin provisioning.
            try await scene.deleteAndFindNothingLeft()
        }
    }

    @Test(.timeLimit(.minutes(20))) func aStorageServerThatIsDownIsWaitedForAndGuestsGoOn() async throws {
        try await with("iscsi-outage") { scene in
            await scene.server.kill9()
            try await scene.host.startWorker(engine: Scene.engine)
            let order = try await scene.create()
            try await scene.waits(order, in: "clone-volume", saying: "tgtd does not answer")
            try await scene.server.start()
            try await scene.done(order)
            let boot = try await scene.owner.run("cat /proc/sys/kernel/random/boot_id")

            // Down while the guest writes: it waits, and goes on when hostald has made its target again.
            let writing = Task {
                try await scene.owner.run(
                    "for n in $(seq 200); do echo $n >> /data/log; sync; usleep 20000; done; wc -l < /data/log")
            }
            try await waitUntil("the guest writes", within: .seconds(60)) {
                try await scene.owner.run("wc -l < /data/log 2>/dev/null || echo 0") != "0"
            }
            await scene.server.kill9()
            try await scene.server.start()
            #expect(try await writing.value == "200")
            #expect(
                try await scene.owner.run("cat /proc/sys/kernel/random/boot_id; dmesg | grep -c 'I/O error' || true")
                    == "\(boot)\n0")

            // Another password at the target than at the host: put right where the guest is started.
            try await scene.done(try await scene.host.order("shutdown", 1, for: "s"))
            let row = try #require(
                try await scene.host.database.query(
                    "select disk #>> '{volume,source,iscsi,user}', disk #>> '{volume,source,iscsi,target}' from hostal.volumes"
                ).first)
            try await scene.server.changePassword(of: row.get(0), at: row.get(1), to: "tampered-1234")
            try await scene.done(try await scene.host.order("poweron", 2, for: "s"))
            try await waitUntil("the guest answers again", within: Self.bootLimit) {
                do { return try await scene.owner.run("wc -l < /data/log") == "200" } catch is CommandError { return false }
            }

            // Down when the guest is started.
            try await scene.done(try await scene.host.order("shutdown", 3, for: "s"))
            await scene.server.kill9()
            let start = try await scene.host.order("poweron", 4, for: "s")
            try await scene.waits(start, in: "power-on-guest", saying: "tgtd does not answer")
            try await scene.server.start()
            try await scene.done(start)

            // Commanded well, but out of reach for QEMU.
            try await scene.done(try await scene.host.order("shutdown", 5, for: "s"))
            for rule in [
                "add table inet storage", "add chain inet storage input { type filter hook input priority 0; }",
                "add rule inet storage input tcp dport 3260 reject with tcp reset",
            ] {
                try await scene.host.machine.run("nft", [rule])
            }
            let again = try await scene.host.order("poweron", 6, for: "s")
            try await scene.waits(again, in: "power-on-guest", saying: "iSCSI: Failed to connect", namesPool: false)
            try await scene.host.machine.run("nft", ["delete table inet storage"])
            try await scene.done(again)
            try await scene.deleteAndFindNothingLeft()
        }
    }

    private func checkNoSecretShows(_ scene: Scene) async throws {
        let names = try await scene.host.machine.run("virsh", ["-q", "-c", "qemu:///system", "list", "--name"])
        let domain = try #require(names.split(separator: "\n").first).description
        let xml = try await scene.host.machine.run("virsh", ["-c", "qemu:///system", "dumpxml", "--security-info", domain])
        #expect(xml.contains("protocol='iscsi'") && xml.contains("<secret type='iscsi'"))
        let password = try await password(of: xml, scene)
        #expect(password.count == 16)
        let processes = try await scene.host.machine.run("ps", ["-eo", "args"])
        #expect(processes.contains("qemu-system"))
        #expect(!xml.contains(password) && !processes.contains(password))
        let rows = try await scene.host.database.query("select disk::text from hostal.volumes")
        for row in rows { #expect(try !row.get(0, as: String.self).contains(password)) }
    }

    /// As the pool's key gives it, which tgtd does not tell.
    private func password(of xml: String, _ scene: Scene) async throws -> String {
        let uuid = try #require(xml.firstMatch(of: /<uuid>([0-9a-f-]+)<\/uuid>/)).1
        let key = try Data(contentsOf: URL(filePath: scene.server.keyFile))
        let script = """
            import base64, hashlib, hmac, sys
            code = hmac.new(bytes.fromhex(sys.argv[1]), sys.argv[2].encode(), hashlib.sha256).digest()[:12]
            print(base64.b64encode(code, b'._').decode(), end='')
            """
        let hex = key.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return try await Command("python3", ["-c", script, hex, String(uuid)]).run()
    }
}
