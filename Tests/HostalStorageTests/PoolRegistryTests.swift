import HostalModel
import HostalProvisioning
import HostalStorage
import HostalTestKit
import Synchronization
import Testing

@Suite struct PoolRegistryTests {
    private static let names = ["a", "b", "c"].map { PoolName($0) }
    private let pools = Dictionary(uniqueKeysWithValues: names.map { ($0, CountedPool()) })

    /// Guests wait for their disks, and the database has nothing to do with them. It answers once, and then never again, for longer than what
    /// was read may be used for anything new.
    @Test func poolsAreRestoredWhileTheDatabaseIsAway() async throws {
        let isAway = Mutex(false)
        let registry = PoolRegistry(
            refresh: .zero,
            list: {
                try isAway.withLock { isAway in
                    if isAway { throw Failure(.temporary, .serviceError, "the database is away") }
                    isAway = true
                }
                return Self.names.map(Self.pool)
            }, make: { [pools] in try #require(pools[$0.name]) })
        try await registry.restore()
        for _ in 1...2 {
            let failure = try await VolumeStoreRules.failure { try await registry.restore() }
            #expect(failure.message == "the database is away")
        }
        #expect(pools.values.allSatisfy { $0.restores == 3 })
    }

    @Test func onePoolThatFailsToRestoreHoldsUpNoOther() async throws {
        let registry = PoolRegistry(
            list: { Self.names.map(Self.pool) }, make: { [pools] in try #require(pools[$0.name]) })
        pools[PoolName("a")]?.fail(Failure(.temporary, .serviceError, "it does not answer"))
        let failure = try await VolumeStoreRules.failure { try await registry.restore() }
        #expect(failure.message == "it does not answer")
        #expect(pools.values.allSatisfy { $0.restores == 1 })
    }

    private static func pool(_ name: PoolName) -> Pool { Pool(name: name, kind: .iscsi, storageClass: "network", settings: "{}") }
}
