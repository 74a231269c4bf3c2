import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// A server on loopback, a marked pool on it, and an image in the host's own directory.
final class NFSBench: ForeignBench, OutageBench {
    let server: NFSServer
    let root: TestDirectory
    let image: StoredImage
    let pool = PoolName("nfs-a")
    let store: any VolumeStore
    let another: any VolumeStore
    let answerLimit = Duration.seconds(4)
    private let images: Directory

    static func up(format: DiskFormat = .qcow2) async throws -> NFSBench {
        let server = try await NFSServer.up()
        do {
            let bench = try await NFSBench(server: server, format: format)
            try await bench.volumes().mark()
            return bench
        } catch {
            await server.down()
            throw error
        }
    }

    static func with(format: DiskFormat = .qcow2, _ body: (NFSBench) async throws -> Void) async throws {
        let bench = try await up(format: format)
        do { try await body(bench) } catch {
            await bench.end()
            throw error
        }
        await bench.end()
    }

    private init(server: NFSServer, format: DiskFormat) async throws {
        self.server = server
        root = try TestDirectory()
        images = try root.subdirectory("images")
        image = try await sampleImage(format, in: images, root)
        let export = Self.export(of: server)
        store = try Self.volumes(pool, export, images, root, host: "locks", headroom: 0)
        another = try Self.volumes(pool, export, images, root, host: "other", headroom: 0)
    }

    func end() async { await server.down() }

    var export: NFSExport { Self.export(of: server) }

    /// Each with locks of its own is another host's.
    func volumes(
        _ name: PoolName = PoolName("nfs-a"), host: String = "locks", headroom: Int64 = 0, export: NFSExport? = nil
    ) throws -> NFSVolumes {
        try Self.volumes(name, export ?? self.export, images, root, host: host, headroom: headroom)
    }

    private static func export(of server: NFSServer) -> NFSExport {
        NFSExport(server: server.address, path: server.export, user: 0, group: 0, patience: .seconds(2))
    }

    private static func volumes(
        _ name: PoolName, _ export: NFSExport, _ images: Directory, _ root: TestDirectory, host: String, headroom: Int64
    ) throws -> NFSVolumes {
        let locks = try #require(Directory(root.directory.path(of: host)))
        try locks.makeForOwner()
        return NFSVolumes(name: name, export: export, images: images, locks: locks, headroom: headroom)
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: server.directory).sorted() }
    func path(_ name: String) -> String { "\(server.directory)/\(name)" }

    /// Silent: the connection is taken and nothing is answered.
    var outages: [Outage] {
        [
            Outage(
                name: "silent", begin: { [server] in try await server.setSilent(true) },
                end: { [server] in try await server.setSilent(false) }),
            Outage(name: "gone", begin: { [server] in await server.kill() }, end: { [server] in try await server.start() }),
        ]
    }

    func open(_ volume: Volume) throws -> OpenedDisk {
        OpenedDisk(file: try #require(NFSExport.url(of: volume.source)), format: volume.format)
    }
    func plant(_ name: VolumeName) throws { try HostalStorageTests.plant(foreignHeader, at: path("\(name).qcow2")) }
    func isThere(_ name: VolumeName) throws -> Bool { try bytes(at: path("\(name).qcow2")) == foreignHeader }
}
