package import HostalModel
import HostalProvisioning

package struct PoolSummary: Sendable {
    package var pool: Pool
    package var state: String
    /// As it is; what may be sold is `sellable`.
    package var capacity: Gibibytes
    package var sellable: Gibibytes
    package var used: Gibibytes
    package var hosts: [String]
}

/// The pools and the hosts that reach them.
package struct PoolCatalog: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// Adds the pool, or gives it other settings and sizes; its kind never changes. PostgreSQL refuses sizes below what is used. `overCommit`:
    /// 1 to 100. Every host named must exist, and reaches the pool from now on; others keep to it.
    package func put(_ pool: Pool, capacity: Gibibytes, overCommit: Double, hosts: [String]) async throws {
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                insert into hostal.pools (name, kind, class, settings, capacity_gib, over_commit)
                values (\(pool.name.text), \(pool.kind.rawValue), \(pool.storageClass), \(JSONText(text: pool.settings)),
                        \(capacity.count), \(overCommit)::float8::numeric)
                on conflict (name) do update
                   set class = excluded.class, settings = excluded.settings, capacity_gib = excluded.capacity_gib,
                       over_commit = excluded.over_commit
                 where pools.kind = excluded.kind
                returning id
                """)
            guard let id = try rows.first?.get(0, as: Int64.self) else {
                throw PoolProblem("pool '\(pool.name)' is there already, of another kind")
            }
            let known = try await transaction.query(
                """
                insert into hostal.host_pools (host_id, pool_id) select h.id, \(id) from hostal.hosts h where h.name = any(\(hosts))
                on conflict (host_id, pool_id) do update set pool_id = excluded.pool_id
                returning (select name from hostal.hosts h where h.id = host_id)
                """)
            let missing = Set(hosts).subtracting(try known.map { try $0.get(0, as: String.self) }).sorted()
            guard missing.isEmpty else { throw PoolProblem("there is no host '\(missing.joined(separator: "', '"))'") }
        }
    }

    /// New disks go elsewhere from now on, or come here again. False when there is no such pool.
    package func setAccepting(_ accepts: Bool, _ name: PoolName) async throws -> Bool {
        try await !database.query(
            "update hostal.pools set state = \(accepts ? "accepting" : "draining") where name = \(name.text) returning id"
        ).isEmpty
    }

    /// Those that this host reaches.
    package func pools(of host: HostID) async throws -> [Pool] {
        try await database.query(
            """
            select p.name, p.kind, p.class, p.settings from hostal.pools p join hostal.host_pools hp on hp.pool_id = p.id
             where hp.host_id = \(host) order by p.name
            """
        ).map(Self.pool)
    }

    package func list() async throws -> [PoolSummary] {
        try await database.query(
            """
            select p.name, p.kind, p.class, p.settings, p.state, p.capacity_gib, p.sellable_gib, p.used_gib,
                   array(select h.name from hostal.host_pools hp join hostal.hosts h on h.id = hp.host_id
                          where hp.pool_id = p.id order by h.name)
              from hostal.pools p order by p.name
            """
        ).map { row in
            PoolSummary(
                pool: try Self.pool(row), state: try row.get(4), capacity: Gibibytes(try row.get(5)),
                sellable: Gibibytes(try row.get(6)), used: Gibibytes(try row.get(7)), hosts: try row.get(8))
        }
    }

    private static func pool(_ row: Row) throws -> Pool {
        guard let kind = PoolKind(rawValue: try row.get(1)) else {
            throw Unreadable(what: "pool '\(try row.get(0, as: String.self))'")
        }
        return Pool(
            name: PoolName(try row.get(0)), kind: kind, storageClass: try row.get(2),
            settings: try row.get(3, as: JSONText.self).text)
    }
}

package struct PoolProblem: Error, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}
