import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit

/// A pool, and what an operator would type for the same disk.
protocol CloneKind: Sendable {
    var store: any VolumeStore { get }
    /// What has to be there before; outside the clock.
    func prepare(_ name: String, like volume: Volume) async throws
    /// A disk called `name`, as long as `volume` and of the same image.
    func clone(_ image: StoredImage, to name: String, like volume: Volume) async throws
    /// Room for the next round; outside the clock. Needed only where disks are full copies.
    func discard(_ name: String, _ volume: Volume) async throws
    func end() async
}

extension CloneKind {
    func prepare(_ name: String, like volume: Volume) async throws {}
    func discard(_ name: String, _ volume: Volume) async throws {}
    func end() async {}

    func overlay(_ target: String, over backing: String, _ image: StoredImage, _ volume: Volume) async throws {
        _ = try await Command(
            "qemu-img",
            [
                "create", "-q", "-f", "qcow2", "-o", "cluster_size=128k,extended_l2=on", "-b", backing, "-F",
                image.format.rawValue, target, "\(volume.size)",
            ]
        ).run()
    }
}

/// Directories of one run.
struct BenchDirectory {
    let path: String

    func subdirectory(_ name: String) throws -> Directory {
        guard let made = Directory("\(path)/\(name)") else { throw BenchError(reason: "'\(path)' must be absolute") }
        try made.makeForOwner()
        return made
    }
}

struct BenchError: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}

struct LocalClones: CloneKind {
    let store: any VolumeStore
    private let directory: String

    init(_ pool: PoolName, _ bench: BenchDirectory, _ images: Directory) throws {
        let marked = PoolDirectory(try bench.subdirectory("pool"), id: pool.text)
        try marked.initialise()
        store = LocalVolumes(name: pool, pool: marked, images: images, headroom: 0)
        directory = bench.path
    }

    func clone(_ image: StoredImage, to name: String, like volume: Volume) async throws {
        try await overlay("\(directory)/\(name)", over: image.path, image, volume)
    }
}

/// Through QEMU's own client on both sides, to a server on a loopback address.
struct NFSClones: CloneKind {
    let store: any VolumeStore
    private let server: NFSServer
    private let export: NFSExport

    init(_ pool: PoolName, _ bench: BenchDirectory, _ images: Directory) async throws {
        server = try await NFSServer.up()
        export = NFSExport(server: server.address, path: server.export, user: 0, group: 0)
        let volumes = NFSVolumes(
            name: pool, export: export, images: images, locks: try bench.subdirectory("locks"), headroom: 0)
        try await volumes.mark()
        store = volumes
    }

    func clone(_ image: StoredImage, to name: String, like volume: Volume) async throws {
        guard let target = NFSExport.url(of: export.source(of: name)),
            let backing = volume.backing.flatMap({ NFSExport.url(of: $0.source) })
        else { throw BenchError(reason: "\(volume) is not on an NFS server") }
        try await overlay(target, over: backing, image, volume)
    }

    func end() async { await server.down() }
}

/// Into a LUN of the same tgtd, which is there before the clock starts, without a password.
struct ISCSIClones: CloneKind {
    let store: any VolumeStore
    private let server: TgtServer
    private let portal: String

    /// tgtd's numbers of raw targets: far from those that Hostal gives.
    private static let target = "9001"
    private static let prefix = "iqn.2026-01.example.test:raw"

    init(_ pool: PoolName, _ bench: BenchDirectory, _ images: Directory) async throws {
        server = try await TgtServer.start(in: "\(bench.path)/server", pool: pool.text)
        let settings = try ISCSIPoolSettings(json: String(decoding: try JSONEncoder().encode(server.settings), as: UTF8.self))
        portal = settings.portal
        store = try ISCSIVolumes(
            name: pool, settings: settings, driver: TgtDriver(pool: pool, settings: settings), host: "bench", images: images,
            work: try bench.subdirectory("work"), headroom: 0)
    }

    func prepare(_ name: String, like volume: Volume) async throws {
        let file = "\(server.directory)/\(name)"
        try OpenFile(file, .update).truncate(to: volume.size)
        try await server.admin("--mode", "target", "--op", "new", "--tid", Self.target, "-T", "\(Self.prefix)-\(name)")
        try await server.admin(
            "--mode", "logicalunit", "--op", "new", "--tid", Self.target, "--lun", "1", "--bstype", "rdwr", "-b", file)
        try await server.admin(
            "--mode", "logicalunit", "--op", "update", "--tid", Self.target, "--lun", "1", "--params", "thin_provisioning=1")
        try await server.admin("--mode", "target", "--op", "bind", "--tid", Self.target, "-I", "ALL")
    }

    func clone(_ image: StoredImage, to name: String, like volume: Volume) async throws {
        _ = try await Command(
            "qemu-img",
            [
                "convert", "-n", "--target-is-zero", "-t", "none", "-f", image.format.rawValue, "-O", "raw", image.path,
                "iscsi://\(portal)/\(Self.prefix)-\(name)/1",
            ], timeout: .seconds(600)
        ).run()
    }

    func discard(_ name: String, _ volume: Volume) async throws {
        try await store.remove(volume.name)
        try await server.admin("--mode", "target", "--op", "delete", "--force", "--tid", Self.target)
        try OpenFile("\(server.directory)/\(name)", .update).unlink()
    }

    func end() async { await server.kill9() }
}

struct RBDClones: CloneKind {
    let store: any VolumeStore
    private let ceph: CephCluster

    init(_ pool: PoolName, _ bench: BenchDirectory, _ images: Directory) async throws {
        ceph = try await CephCluster(gib: 16)
        store = try RBDVolumes(
            name: pool,
            settings: RBDPoolSettings(monitors: ceph.monitors, pool: ceph.pool, user: ceph.user, keyring: ceph.keyring),
            images: images, work: try bench.subdirectory("work"), headroom: 0)
    }

    func clone(_ image: StoredImage, to name: String, like volume: Volume) async throws {
        let connection = ["--conf", "/dev/null", "-m", "[v1:\(ceph.monitors)]", "--id", ceph.user, "--keyring", ceph.keyring]
        let target = "\(ceph.pool)/\(name)"
        _ = try await Command("rbd", connection + ["clone", "\(ceph.pool)/image-\(image.digest.hex)@base", target]).run()
        _ = try await Command("rbd", connection + ["resize", "--no-progress", "--size", "\(volume.size)B", target]).run()
    }

    func end() async { ceph.stop() }
}
