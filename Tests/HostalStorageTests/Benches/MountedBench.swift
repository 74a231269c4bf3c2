import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// A tmpfs where a host has mounted its export, big enough for one disk of 2 GiB that is written all over.
final class MountedBench: ForeignBench, OutageBench {
    let root: TestDirectory
    let image: StoredImage
    let mountPoint: Directory
    let pool = PoolName("shared-a")
    let store: any VolumeStore
    let another: any VolumeStore
    let answerLimit = MountedBench.patience * 2
    private let images: Directory
    /// Where the file system waits while it is not at its place.
    private let aside: Directory

    static let patience = Duration.seconds(1)

    init(_ cloning: LocalVolumes.Cloning = .overlay) async throws {
        root = try TestDirectory()
        images = try root.subdirectory("images")
        mountPoint = try root.subdirectory("pool")
        aside = try root.subdirectory("aside")
        image = try await sampleImage(.qcow2, in: images, root)
        store = try Self.volumes(pool, mountPoint, images, cloning)
        another = try Self.volumes(pool, mountPoint, images, cloning)
    }

    static func up(_ cloning: LocalVolumes.Cloning = .overlay) async throws -> MountedBench {
        let bench = try await MountedBench(cloning)
        let options = ["-t", "tmpfs", "-o", "mode=711,size=3G", "tmpfs"]
        _ = try await Command("mount", options + [bench.mountPoint.path]).run()
        do { try await bench.volumes().mark() } catch {
            await bench.end()
            throw error
        }
        return bench
    }

    func end() async {
        for place in [mountPoint.path, aside.path] { _ = try? await Command("umount", ["--lazy", place]).run() }
    }

    func volumes(_ cloning: LocalVolumes.Cloning = .overlay) throws -> MountedVolumes {
        try Self.volumes(pool, mountPoint, images, cloning)
    }

    private static func volumes(
        _ pool: PoolName, _ mountPoint: Directory, _ images: Directory, _ cloning: LocalVolumes.Cloning
    ) throws -> MountedVolumes {
        try MountedVolumes(
            name: pool, pool: PoolDirectory(mountPoint, id: pool.text), images: images, cloning: cloning, patience: patience,
            headroom: 0)
    }

    /// Held open elsewhere, so that the same file system can come back.
    func unmount() async throws {
        _ = try await Command("mount", ["--bind", mountPoint.path, aside.path]).run()
        _ = try await Command("umount", ["--lazy", mountPoint.path]).run()
    }
    func mountAgain() async throws {
        _ = try await Command("mount", ["--bind", aside.path, mountPoint.path]).run()
        _ = try await Command("umount", [aside.path]).run()
    }

    var outages: [Outage] {
        [Outage(name: "unmounted", begin: { try await self.unmount() }, end: { try await self.mountAgain() })]
    }

    func open(_ volume: Volume) -> OpenedDisk { OpenedDisk(file: volume.path, format: volume.format) }
    private func path(_ name: VolumeName) -> String { mountPoint.path(of: "\(name).qcow2") }
    func plant(_ name: VolumeName) throws { try HostalStorageTests.plant(foreignHeader, at: path(name)) }
    func isThere(_ name: VolumeName) throws -> Bool { try bytes(at: path(name)) == foreignHeader }
}
