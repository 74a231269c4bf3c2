import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// A tgtd on loopback, and a host with its work directory and images.
final class ISCSIBench: IdentityBench, OutageBench {
    let asksNobody: Set<String> = ["snapshot", "remove snapshot", "removeImage"]
    let pool = PoolName("lun-test")
    let root: TestDirectory
    let images: Directory
    let image: StoredImage
    let server: TgtServer
    let settings: ISCSIPoolSettings
    let store: any VolumeStore
    let another: any VolumeStore
    let answerLimit = Duration.seconds(10)
    /// tgtd's numbers of planted targets: far from those that it gives itself.
    private let planted = Atomic(7700)

    init() async throws {
        root = try TestDirectory()
        images = try root.subdirectory("images")
        server = try await TgtServer.start(in: "\(root.path)/server", pool: pool.text)
        settings = try ISCSIPoolSettings(json: String(decoding: try JSONEncoder().encode(server.settings), as: UTF8.self))
        image = try await sampleImage(.qcow2, in: images, root)
        store = try Self.volumes(pool, settings, images, root, host: "kvm1")
        another = try Self.volumes(pool, settings, images, root, host: "kvm1")
    }

    func end() async { await server.kill9() }

    /// The store of one host.
    func volumes(host: String = "kvm1", headroom: Int64 = 0) throws -> ISCSIVolumes {
        try Self.volumes(pool, settings, images, root, host: host, headroom: headroom)
    }

    private static func volumes(
        _ pool: PoolName, _ settings: ISCSIPoolSettings, _ images: Directory, _ root: TestDirectory, host: String,
        headroom: Int64 = 0
    ) throws -> ISCSIVolumes {
        try ISCSIVolumes(
            name: pool, settings: settings, driver: TgtDriver(pool: pool, settings: settings), host: host, images: images,
            work: try #require(Directory("\(root.path)/work-\(host)")), headroom: headroom)
    }

    var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: server.luns).filter { $0 != ".hostal-pool" } }
    }

    /// As another host's QEMU, or with another password, if told to.
    func open(_ volume: Volume, initiator: String?, password: String?) async throws -> OpenedDisk {
        guard case .iscsi(let portal, let target, let lun, let ours, let user, _) = volume.source else {
            throw TestKitError("\(volume) is no LUN")
        }
        let secret = try #require(try await store.secret(of: volume.name.guest))
        let file = try root.file("secret-\(UUID())", password.map { Array($0.utf8) } ?? secret.value)
        let image = ISCSIImage(
            portal: portal, target: target, lun: lun, initiator: initiator ?? ours, user: user, secretFile: file)
        return OpenedDisk(options: image.options, objects: ["--object", image.secretObject])
    }
    func open(_ volume: Volume) async throws -> OpenedDisk { try await open(volume, initiator: nil, password: nil) }

    func target(of volume: Volume) -> String {
        if case .iscsi(_, let target, _, _, _, _) = volume.source { target } else { "no target" }
    }

    private func target(_ name: VolumeName) -> String { "\(settings.targetPrefix):\(name)" }
    func plant(_ name: VolumeName) async throws {
        let id = "\(planted.add(1, ordering: .relaxed).newValue)"
        let file = try root.file("foreign-\(name)", [UInt8](repeating: 7, count: 1 << 20))
        try await server.admin("--mode", "target", "--op", "new", "--tid", id, "-T", target(name))
        try await server.admin("--mode", "logicalunit", "--op", "new", "--tid", id, "--lun", "1", "-b", file)
    }
    func isThere(_ name: VolumeName) async throws -> Bool {
        let contents = try bytes(at: root.directory.path(of: "foreign-\(name)"))
        return try await server.id(of: target(name)) != nil && contents.allSatisfy { $0 == 7 }
    }

    var outages: [Outage] {
        [Outage(name: "gone", begin: { [server] in await server.kill9() }, end: { [server] in try await server.start() })]
    }
}
