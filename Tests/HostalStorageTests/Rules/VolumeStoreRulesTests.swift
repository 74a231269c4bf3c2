import FoundationEssentials
import HostalModel
import HostalStorage
import HostalTestKit
import Testing

/// Every rule against every kind. Real servers start with the first rule that needs them, and end with the suite.
@Suite(.serialized, .endingPools) struct VolumeStoreRulesTests {
    @Test(arguments: cases(PoolKind.everywhere))
    func rule(_ rule: VolumeRule, holdsFor kind: PoolKind) async throws {
        try await rule.run(on: try await RunningPools.bench(of: kind))
    }

    /// Ceph takes minutes, and packages that others do not need.
    @Test(.enabled(if: CephCluster.isAskedFor), arguments: cases(PoolKind.ceph))
    func rule(_ rule: VolumeRule, holdsInCephFor kind: PoolKind) async throws {
        try await rule.run(on: try await RunningPools.bench(of: kind))
    }

    /// Where `HOSTAL_POOLS` is set, only kinds that have it in their name.
    private static func cases(_ kinds: [PoolKind]) -> [(VolumeRule, PoolKind)] {
        let part = ProcessInfo.processInfo.environment["HOSTAL_POOLS"] ?? ""
        return kinds.filter { part.isEmpty || $0.name.contains(part) }.flatMap { kind in
            VolumeStoreRules.all.filter { $0.applies(to: kind.bench) }.map { ($0, kind) }
        }
    }
}

struct PoolKind: Sendable, CustomTestStringConvertible {
    let name: String
    let bench: any PoolBench.Type
    fileprivate let start: @Sendable () async throws -> any PoolBench

    private init<Bench: PoolBench>(_ name: String, _ start: @escaping @Sendable () async throws -> Bench) {
        self.name = name
        bench = Bench.self
        self.start = start
    }

    var testDescription: String { name }

    static let everywhere = [
        PoolKind("fake") { try FakeBench() },
        PoolKind("local, overlay") { try await LocalBench(.overlay) },
        PoolKind("local, overlay of a raw image") { try await LocalBench(.overlay, format: .raw) },
        PoolKind("local, full copy") { try await LocalBench(.fullCopy) },
        PoolKind("local, full copy of a raw image") { try await LocalBench(.fullCopy, format: .raw) },
        PoolKind("local, raw full copy") { try await LocalBench(.fullCopy, as: .raw) },
        PoolKind("local, raw full copy of a raw image") { try await LocalBench(.fullCopy, format: .raw, as: .raw) },
        PoolKind("local, reflink") { try await LocalBench(.reflink, sharing: true) },
        PoolKind("local, reflink of a raw image") { try await LocalBench(.reflink, format: .raw, sharing: true) },
        PoolKind("nfs mounted, overlay") { try await MountedBench.up(.overlay) },
        PoolKind("nfs mounted, full copy") { try await MountedBench.up(.fullCopy) },
        PoolKind("nfs direct") { try await NFSBench.up() },
        PoolKind("nfs direct, raw image") { try await NFSBench.up(format: .raw) },
        PoolKind("iscsi") { try await ISCSIBench() },
    ]
    static let ceph = [
        PoolKind("rbd") { try await RBDBench(cluster: CephCluster()) }
    ]
}

/// One bench of each kind at a time, shared by the rules.
private actor RunningPools {
    private static let shared = RunningPools()
    private var current: (kind: String, bench: any PoolBench)?

    static func bench(of kind: PoolKind) async throws -> any PoolBench { try await shared.bench(of: kind) }
    static func end() async { await shared.end() }

    /// Rules come kind by kind: the pool of the one before is not needed any more.
    private func bench(of kind: PoolKind) async throws -> any PoolBench {
        if let current, current.kind == kind.name { return current.bench }
        await end()
        let bench = try await kind.start()
        current = (kind.name, bench)
        return bench
    }

    private func end() async {
        await current?.bench.end()
        current = nil
    }
}

private struct EndingPools: SuiteTrait, TestScoping {
    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        do { try await function() } catch {
            await RunningPools.end()
            throw error
        }
        await RunningPools.end()
    }
}

extension Trait where Self == EndingPools {
    fileprivate static var endingPools: Self { Self() }
}
