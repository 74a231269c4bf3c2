import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Servers whose disks are on an NFS export, with its server in the host's own network: QEMU speaks to it, and nothing is mounted.
@Suite(.serialized) struct NFSLifeTests {
    private static let pool = "nfs-a"

    private func with(_ name: String, marked: Bool = true, _ body: (TestHost, NFSServer, StorageLife) async throws -> Void)
        async throws
    {
        try await TestHost.with(name, cluster: try await PostgresCluster.shared()) { host in
            let server = try await NFSServer.up(in: host.machine)
            do {
                try await host.addPool(
                    Self.pool, kind: "nfs", storage: "nfs",
                    settings: ["mode=direct", "server=\(server.address)", "export=\(server.export)", "answer_seconds=2"])
                if marked { try await host.mark(Self.pool) }
                try await body(host, server, try await StorageLife(on: host, storage: "nfs"))
            } catch {
                await server.down()
                throw error
            }
            await server.down()
        }
    }

    private func disks(_ server: NFSServer) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: server.directory).filter { $0 != ".hostal-pool" && $0 != "images" }
    }

    @Test(.timeLimit(.minutes(20))) func aServerLivesOnAnExportWhoseServerGoesAwayAndComesBack() async throws {
        try await with("nfs-life") { host, server, life in
            try await host.startWorker(engine: StorageLife.patience)
            try await life.run {
                #expect(try disks(server).count == 1)
                let definition = try await host.machine.run(
                    "sh", ["-c", "virsh -c qemu:///system dumpxml $(virsh -c qemu:///system list --name)"])
                #expect(definition.contains("protocol='nfs'") && definition.contains("/export/images/"))
                await server.kill()
                let write = Task { try await life.owner.run("echo late > /data/late; sync; cat /data/late") }
                try await server.start()
                #expect(try await write.value == "late")
            }
            #expect(try disks(server) == [])
            let images = try FileManager.default.contentsOfDirectory(atPath: "\(server.directory)/images")
            #expect(images.count == 1 && images[0].hasSuffix(".qcow2"), "\(images)")
        }
    }

    /// Down before the order, and silent, which is worse, when the disk is to be destroyed: each is waited for, and each ends well.
    @Test(.timeLimit(.minutes(10))) func ordersWaitForAServerThatIsDownOrSilent() async throws {
        try await with("nfs-down") { host, server, life in
            await server.kill()
            try await host.startWorker(
                engine: StorageLife.patience.merging(["create_deadline_seconds": "300", "attempts": "100"]) { $1 })
            let order = try await life.create()
            try await host.waits(order, in: "clone-volume", saying: "pool 'nfs-a'")
            try await server.start()
            try await life.succeed(order)
            #expect(try await life.owner.run("echo here") == "here")

            let end = try await host.orderDeletion(of: "s")
            try await server.setSilent(true)
            try await host.waits(end, in: "%", saying: "pool 'nfs-a'")
            try await server.setSilent(false)
            try await life.succeed(end)
            #expect(try await host.leftovers() == [])
            #expect(try disks(server) == [])
        }
    }

    /// Nobody takes an export for a pool that was not marked as one: the order fails, says why to operators, and leaves nothing.
    @Test(.timeLimit(.minutes(10))) func anExportThatIsNotThePoolIsLeftAsItIs() async throws {
        try await with("nfs-mark", marked: false) { host, server, life in
            try await host.startWorker(engine: StorageLife.patience.merging(["attempts": "100"]) { $1 })
            let order = try await life.create()
            try await host.waits(order, in: "clone-volume", saying: "no mark")
            #expect(try FileManager.default.contentsOfDirectory(atPath: server.directory) == [])
            try await host.mark(Self.pool)
            try await life.succeed(order)
            try await life.succeed(try await host.orderDeletion(of: "s"))
            #expect(try await host.leftovers() == [])
        }
    }
}

extension TestHost {
    /// As the operator does it, once for a pool.
    func mark(_ pool: String) async throws {
        let file = try settings()
        _ = try await Command(Self.hostald, ["init", "--config", file]).run()
        let command = machine.commandInNetwork(Self.hostald, ["init", "--config", file, "--pool", pool])
        _ = try await Command(command.program, command.arguments).run()
    }

    /// A step (as of SQL's `like`) of the order has failed for now, and says why to operators.
    func waits(_ order: OrderID, in step: String, saying text: String) async throws {
        try await waitUntil("step \(step) says '\(text)'", within: .seconds(60)) {
            let rows = try await database.query(
                """
                select coalesce(s.error::text, '') from hostal.job_steps s join hostal.jobs j on j.id = s.job_id
                 where j.order_id = \(order) and s.name like \(step)
                """)
            return try rows.contains { try $0.get(0, as: String.self).contains(text) }
        }
        let isOver = try await OrderReader(database: database).order(order)?.isOver
        #expect(isOver == false)
    }
}
