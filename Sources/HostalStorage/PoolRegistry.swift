package import HostalModel
package import HostalProvisioning

/// The pools of one host, as its database lists them: each adapter is made at its first use, and anew when its pool's row has changed.
package actor PoolRegistry: VolumePools {
    private let list: @Sendable () async throws -> [Pool]
    private let make: @Sendable (Pool) throws -> any VolumeStore
    private var pools: [PoolName: (pool: Pool, store: any VolumeStore)] = [:]
    private var known: [PoolName: Pool] = [:]
    private var readAt: ContinuousClock.Instant?
    private let refresh: Duration

    /// How long a changed row may go unnoticed.
    package static let refresh = Duration.seconds(10)

    package init(
        refresh: Duration = PoolRegistry.refresh, list: @escaping @Sendable () async throws -> [Pool],
        make: @escaping @Sendable (Pool) throws -> any VolumeStore
    ) {
        self.refresh = refresh
        self.list = list
        self.make = make
    }

    package func store(of name: PoolName) async throws -> any VolumeStore {
        if known[name] == nil || readAt.map({ ContinuousClock.now - $0 > refresh }) ?? true {
            try await read()
        }
        guard let pool = known[name] else {
            throw Failure(
                .temporary, .serviceError, "cannot reach the disk pool: its storage is not available",
                detail: "this host does not reach pool '\(name)': see 'hostalctl pool list'")
        }
        return try store(of: pool)
    }

    package func reached() async throws -> Set<PoolName> { Set(try await list().map(\.name)) }

    /// Has each pool publish again what its storage server has forgotten. One that fails holds up no other; the first error is thrown.
    package func restore() async throws {
        var failure: (any Error)?
        // Also while the database is away: guests need their disks all the same.
        do { try await read() } catch { failure = error }
        for pool in known.values.sorted(by: { $0.name.text < $1.name.text }) {
            do { try await store(of: pool).restore() } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    private func read() async throws {
        known = Dictionary(try await list().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        readAt = .now
    }

    private func store(of pool: Pool) throws -> any VolumeStore {
        if let made = pools[pool.name], made.pool == pool { return made.store }
        let store = try make(pool)
        pools[pool.name] = (pool, store)
        return store
    }
}
