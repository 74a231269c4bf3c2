import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// A pool on a cluster, and an image of its own.
final class RBDBench: IdentityBench, OutageBench {
    let asksNobody: Set<String> = []
    let root: TestDirectory
    let ceph: CephCluster
    let images: Directory
    let image: StoredImage
    let pool = Samples.pool
    let store: any VolumeStore
    let another: any VolumeStore
    /// The time that the tools give an answer, and what one call needs besides.
    let answerLimit = Duration.seconds(25)

    init(cluster: CephCluster, format: DiskFormat = .qcow2) async throws {
        root = try TestDirectory()
        ceph = cluster
        images = try root.subdirectory("images")
        image = try await sampleImage(format, in: images, root, digest: sha256(Array(UUID().uuidString.utf8)))
        let settings = Self.settings(of: cluster)
        store = try Self.volumes(settings, images, root, host: "work")
        another = try Self.volumes(settings, images, root, host: "other")
    }

    func end() async { ceph.stop() }

    var settings: RBDPoolSettings { Self.settings(of: ceph) }
    var base: String { "image-\(image.digest.hex)" }

    /// `host` has its own locks, as each host does.
    func volumes(host: String = "work", settings: RBDPoolSettings? = nil, headroom: Int64 = 0) throws -> RBDVolumes {
        try Self.volumes(settings ?? self.settings, images, root, host: host, headroom: headroom)
    }

    private static func settings(of ceph: CephCluster) -> RBDPoolSettings {
        RBDPoolSettings(monitors: ceph.monitors, pool: ceph.pool, user: ceph.user, keyring: ceph.keyring)
    }
    private static func volumes(
        _ settings: RBDPoolSettings, _ images: Directory, _ root: TestDirectory, host: String, headroom: Int64 = 0
    ) throws -> RBDVolumes {
        try RBDVolumes(
            name: Samples.pool, settings: settings, images: images,
            work: try #require(Directory(root.directory.path(of: host))), headroom: headroom)
    }

    func spec(_ name: VolumeName) -> String { "\(ceph.pool)/vol-\(name)" }
    func expectPartials(_ expected: [String], sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let found = try await ceph.images().filter { $0.contains(".part-") }
        #expect(found == expected, sourceLocation: sourceLocation)
    }

    /// As QEMU's tools name a file.
    func file(_ volume: Volume) throws -> String {
        guard case .rbd(let monitors, let pool, let image, let user, _) = volume.source else {
            throw TestKitError("\(volume) is not in Ceph")
        }
        let hosts = monitors.map { "\($0.host)\\:\($0.port)" }.joined(separator: "\\;")
        return "rbd:\(pool)/\(image):id=\(user):conf=/dev/null:keyring=\(ceph.keyring):mon_host=\(hosts)"
    }
    func open(_ volume: Volume) throws -> OpenedDisk { OpenedDisk(file: try file(volume), format: volume.format) }

    func plant(_ name: VolumeName) async throws { try await ceph.rbd(["create", "--size", "1G", spec(name)]) }
    func isThere(_ name: VolumeName) async throws -> Bool { try await ceph.images().contains("vol-\(name)") }

    var outages: [Outage] {
        [
            Outage(
                name: "no monitor", begin: { [ceph] in try await ceph.control("kill-mon") },
                end: { [ceph] in try await ceph.control("start-mon") })
        ]
    }
}
