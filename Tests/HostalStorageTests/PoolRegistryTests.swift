import HostalModel
import HostalProvisioning
import HostalStorage
import HostalTestKit
import Synchronization
import Testing

@Suite struct PoolRegistryTests {
    private static let names = ["a", "b", "c"].map { PoolName($0) }

    /// Guests wait for their disks, and the database has nothing to do with them. It answers once, and then never again.
    @Test func poolsAreRestoredWhileTheDatabaseIsAway() async throws {
        let isAway = Mutex(false)
        let restored = Restored()
        let registry = PoolRegistry(
            list: {
                try isAway.withLock { isAway in
                    if isAway { throw Failure(.temporary, .serviceError, "the database is away") }
                    isAway = true
                }
                return Self.names.map(Self.pool)
            }, make: { CountedPool(name: $0.name, restored: restored, fails: false) })
        try await registry.restore()
        for _ in 1...2 {
            let failure = try await VolumeStoreRules.failure { try await registry.restore() }
            #expect(failure.message == "the database is away")
        }
        #expect(restored.names == Self.names + Self.names + Self.names)
    }

    @Test func onePoolThatFailsToRestoreHoldsUpNoOther() async throws {
        let restored = Restored()
        let registry = PoolRegistry(
            list: { Self.names.map(Self.pool) },
            make: { CountedPool(name: $0.name, restored: restored, fails: $0.name.text == "b") })
        let failure = try await VolumeStoreRules.failure { try await registry.restore() }
        #expect(failure.detail == "b")
        #expect(restored.names == Self.names)
    }

    private static func pool(_ name: PoolName) -> Pool { Pool(name: name, kind: .iscsi, storageClass: "network", settings: "{}") }
}

/// Whose `restore` was called, in order.
private final class Restored: Sendable {
    private let state = Mutex<[PoolName]>([])
    var names: [PoolName] { state.withLock { $0 } }
    func add(_ name: PoolName) { state.withLock { $0.append(name) } }
}

/// The fake's disks, and a `restore` that is counted.
private struct CountedPool: VolumeStore {
    let name: PoolName
    let restored: Restored
    let fails: Bool
    private let volumes = FakeVolumes(host: FakeHost())

    init(name: PoolName, restored: Restored, fails: Bool) {
        self.name = name
        self.restored = restored
        self.fails = fails
    }

    func restore() async throws {
        restored.add(name)
        if fails {
            throw Failure(
                .temporary, .serviceError, "cannot reach the disk pool: its storage is not available", detail: name.text)
        }
    }

    func clone(
        _ image: StoredImage, to volume: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        try await volumes.clone(image, to: volume, size: size, report: report)
    }
    func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume { try await volumes.grow(volume, to: size) }
    func size(of volume: Volume) async throws -> Int64 { try await volumes.size(of: volume) }
    func remove(_ volume: VolumeName) async throws { try await volumes.remove(volume) }
    func remains(of guest: GuestID) async throws -> [String] { try await volumes.remains(of: guest) }
    func space() async throws -> PoolSpace { try await volumes.space() }
    func export(_ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport) async throws {
        try await volumes.export(volume, snapshot: snapshot, to: path, report: report)
    }
    func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        try await volumes.flatten(volume, report: report)
    }
    func removeImage(_ digest: Digest) async throws { try await volumes.removeImage(digest) }
}
