package import HostalModel
package import HostalProvisioning

/// The pools of one host, as its database lists them: each adapter is made at its first use, and anew when its pool's row has changed.
package actor PoolRegistry: VolumePools {
    private let list: @Sendable () async throws -> [Pool]
    private let make: @Sendable (Pool) throws -> any VolumeStore
    private var pools: [PoolName: (pool: Pool, store: any VolumeStore)] = [:]
    private var known: [PoolName: Pool] = [:]
    private var readAt: ContinuousClock.Instant?

    /// How long a changed row may go unnoticed.
    static let refresh = Duration.seconds(10)

    package init(
        list: @escaping @Sendable () async throws -> [Pool], make: @escaping @Sendable (Pool) throws -> any VolumeStore
    ) {
        self.list = list
        self.make = make
    }

    package func store(of name: PoolName) async throws -> any VolumeStore {
        if known[name] == nil || readAt.map({ ContinuousClock.now - $0 > Self.refresh }) ?? true {
            known = Dictionary(try await list().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            readAt = .now
        }
        guard let pool = known[name] else {
            throw Failure(
                .temporary, .serviceError, "cannot reach the disk pool: its storage is not available",
                detail: "this host does not reach pool '\(name)': see 'hostalctl pool list'")
        }
        if let made = pools[name], made.pool == pool { return made.store }
        let store = try make(pool)
        pools[name] = (pool, store)
        return store
    }

    /// Has each pool publish again what its storage server has forgotten. One that fails holds up no other; the first error is thrown.
    package func restore() async throws {
        var failure: (any Error)?
        // Also while the database is away: guests need their disks all the same.
        do { for pool in try await list() { known[pool.name] = pool } } catch { failure = error }
        for name in known.keys.sorted(by: { $0.text < $1.text }) {
            do { try await store(of: name).restore() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}
