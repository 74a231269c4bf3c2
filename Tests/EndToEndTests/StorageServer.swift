import FoundationEssentials
import Glibc
import HostalModel
import HostalTestKit

/// A pool of a test host on a real storage server, which answers in that host's network alone, and what is on the server.
struct StorageServer: Sendable {
    let kind: PoolKind
    /// Guests' disks by their names, whole ones as `GUEST-GENERATION`, with the bytes that their guests see.
    let disks: @Sendable () async throws -> [String: Int64]
    /// What is being made, whosever, with the bytes written: of disks and of the pool's copies of images.
    let partials: @Sendable () async throws -> [String: Int64]
    /// All that must not be there when there is no server and no order.
    let leftovers: @Sendable () async throws -> [String]
    /// What a guest's definition says of the disk with that name.
    let address: @Sendable (String) -> String
    /// The directory of the pool's copies of images, where these are files.
    var images: String?
    private let down: @Sendable () async -> Void

    /// The class that the pool has, and its name.
    static let storage = "far"
    static let pool = "far-a"

    /// Those that this run has servers for.
    static var kinds: [PoolKind] { CephCluster.isAskedFor ? [.rbd] : [.nfs, .iscsi] }

    static func with(
        _ kind: PoolKind, on name: String, _ body: (TestHost, StorageServer) async throws -> Void
    ) async throws {
        try await TestHost.with("\(name)-\(kind.rawValue)", cluster: try await PostgresCluster.shared()) { host in
            let server = try await up(kind, on: host)
            do { try await body(host, server) } catch {
                await server.down()
                throw error
            }
            await server.down()
        }
    }

    private static func up(_ kind: PoolKind, on host: TestHost) async throws -> StorageServer {
        switch kind {
        case .nfs: try await nfs(on: host)
        case .iscsi: try await iscsi(on: host)
        case .rbd: try await rbd(on: host)
        case .local: throw TestKitError("a local pool has no server")
        }
    }

    private static func nfs(on host: TestHost) async throws -> StorageServer {
        let server = try await NFSServer.up(in: host.machine)
        try await host.addPool(
            pool, kind: "nfs", storage: storage,
            settings: ["mode=direct", "server=\(server.address)", "export=\(server.export)", "answer_seconds=5"])
        try await host.mark(pool)
        let (export, images) = (server.directory, "\(server.directory)/images")
        let files = { @Sendable in try names(in: export).filter { $0 != "images" } }
        let parts = { @Sendable in try names(in: images).filter { !$0.hasSuffix(".qcow2") } }
        return StorageServer(
            kind: .nfs,
            disks: {
                var found: [String: Int64] = [:]
                for file in try files() {
                    found[file.hasSuffix(".qcow2") ? String(file.dropLast(6)) : file] = qcowSize("\(export)/\(file)")
                }
                return found
            },
            partials: {
                let paths =
                    try files().filter { $0.contains(".part-") }.map { "\(export)/\($0)" } + parts().map { "\(images)/\($0)" }
                return Dictionary(uniqueKeysWithValues: paths.map { ($0, written($0)) })
            },
            leftovers: { try files() + parts() }, address: { "\(server.export)/\($0).qcow2'" }, images: images,
            down: { await server.down() })
    }

    private static func iscsi(on host: TestHost) async throws -> StorageServer {
        let server = try await TgtServer.start(in: "\(host.directory)/target", pool: pool, machine: host.machine)
        try await host.addPool(
            pool, kind: "iscsi", storage: storage, settings: server.settings.map { "\($0.key)=\($0.value)" })
        let luns = { @Sendable in try names(in: server.luns).filter { $0.hasSuffix(".lun") } }
        return StorageServer(
            kind: .iscsi,
            disks: {
                var found: [String: Int64] = [:]
                for file in try luns() {
                    found[String(file.dropLast(4))] = facts("\(server.luns)/\(file)").map { Int64($0.st_size) }
                }
                return found
            },
            partials: {
                let paths = try luns().filter { $0.contains(".part-") }.map { "\(server.luns)/\($0)" }
                return Dictionary(uniqueKeysWithValues: paths.map { ($0, written($0)) })
            },
            leftovers: { try await server.leftovers() }, address: { ":\($0)/1'" }, down: { await server.kill9() })
    }

    private static func rbd(on host: TestHost) async throws -> StorageServer {
        let ceph = try await CephCluster(on: host.machine)
        try await host.addPool(
            pool, kind: "rbd", storage: storage,
            settings: ["monitors=\(ceph.monitors)", "pool=\(ceph.pool)", "user=\(ceph.user)", "keyring=\(ceph.keyring)"])
        struct Info: Decodable { var size: Int64 }
        return StorageServer(
            kind: .rbd,
            disks: {
                var found: [String: Int64] = [:]
                for image in try await ceph.images() where image.hasPrefix("vol-") {
                    let text = try await ceph.rbd(["info", "\(ceph.pool)/\(image)", "--format", "json"])
                    found[String(image.dropFirst(4))] = try JSONDecoder().decode(Info.self, from: Data(text.utf8)).size
                }
                return found
            },
            partials: {
                let parts = try await ceph.images().filter { $0.contains(".part-") }
                return Dictionary(uniqueKeysWithValues: parts.map { ($0, 0) })
            },
            leftovers: { try await ceph.images().filter { !$0.hasPrefix("image-") || $0.contains(".part-") } },
            address: { "\(ceph.pool)/vol-\($0)'" }, down: { ceph.stop() })
    }

    /// Without the pool's mark.
    private static func names(in directory: String) throws -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0 != ".hostal-pool" }
    }

    /// Nil when it is absent.
    private static func facts(_ path: String) -> stat? {
        var facts = stat()
        return stat(path, &facts) == 0 ? facts : nil
    }

    private static func written(_ path: String) -> Int64 { facts(path).map { Int64($0.st_blocks) * 512 } ?? 0 }

    /// As its header says; nil when it is absent.
    private static func qcowSize(_ path: String) -> Int64? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 32)
        fread(&bytes, 1, 32, file)
        return bytes[24..<32].reduce(Int64(0)) { $0 << 8 | Int64($1) }
    }
}
