import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Servers whose disks are files on a pool that the host's system has mounted, and takes away in the middle. A tmpfs stands for the export.
@Suite(.serialized) struct MountedLifeTests {
    private static let pool = "shared-a"

    /// A mount that the machine and the host's libvirtd both see: made before the host is, which has its mounts for itself from then on.
    private struct Mount {
        let base = "/tmp/hostal-mounted-\(getpid())"
        var point: String { "\(base)/pool" }

        func make() async throws {
            for path in [base, point, "\(base)/aside"] where mkdir(path, 0o755) != 0 { throw FileError("mkdir", path) }
            _ = try await Command("mount", ["-t", "tmpfs", "-o", "mode=711,size=4G", "tmpfs", point]).run()
        }
        /// What is on it stays, out of sight.
        func takeAway() async throws {
            _ = try await Command("mount", ["--bind", point, "\(base)/aside"]).run()
            _ = try await Command("umount", ["--lazy", point]).run()
        }
        func bringBack() async throws {
            _ = try await Command("mount", ["--bind", "\(base)/aside", point]).run()
            _ = try await Command("umount", ["\(base)/aside"]).run()
        }
        func remove() async {
            for path in [point, "\(base)/aside"] { _ = try? await Command("umount", ["--lazy", path]).run() }
            try? FileManager.default.removeItem(atPath: base)
        }
    }

    @Test(.timeLimit(.minutes(20))) func aServerLivesOnAMountThatGoesAwayAndComesBack() async throws {
        let mount = Mount()
        do {
            try await mount.make()
            try await TestHost.with("mounted", cluster: try await PostgresCluster.shared()) { try await live(on: $0, mount) }
        } catch {
            await mount.remove()
            throw error
        }
        await mount.remove()
    }

    private func live(on host: TestHost, _ mount: Mount) async throws {
        try await host.addPool(
            Self.pool, kind: "nfs", storage: "shared",
            settings: ["mode=mounted", "directory=\(mount.point)", "answer_seconds=2"])
        try await host.mark(Self.pool)
        let life = try await StorageLife(on: host, storage: "shared")
        try await host.startWorker(engine: StorageLife.patience.merging(["attempts": "100"]) { $1 })
        try await life.run {
            #expect(try disks(mount).count == 1)
            // The guest goes on; what is ordered meanwhile waits, and nothing is written to the disk below the mount point.
            try await mount.takeAway()
            let order = try await host.order("waits", name: "waits", image: "tiny", plan: "stored", extra: life.owner.keys)
            try await host.waits(order, in: "clone-volume", saying: "nothing is mounted at")
            #expect(try FileManager.default.contentsOfDirectory(atPath: mount.point) == [])
            try await mount.bringBack()
            try await life.succeed(order)
            #expect(try disks(mount).count == 2)
            try await life.succeed(try await host.orderDeletion(of: "waits"))
        }
        #expect(try disks(mount) == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(mount.point)/images").count == 1)
    }

    private func disks(_ mount: Mount) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: mount.point).filter { $0 != ".hostal-pool" && $0 != "images" }
    }
}
