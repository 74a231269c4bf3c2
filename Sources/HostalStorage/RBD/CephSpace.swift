import HostalProvisioning

/// The part of `ceph df detail` that counts.
struct CephSpace: Decodable {
    struct Entry: Decodable {
        struct Stats: Decodable {
            var stored: Int64
            var available: Int64
            /// Zero for none.
            var quota: Int64?
            enum CodingKeys: String, CodingKey {
                case stored
                case available = "max_avail"
                case quota = "quota_bytes"
            }
        }
        var name: String
        var stats: Stats
    }
    var pools: [Entry]

    /// What guests can still write, after replication and under the pool's quota.
    func space(of pool: String) -> PoolSpace? {
        guard let stats = pools.first(where: { $0.name == pool })?.stats else { return nil }
        let quota = stats.quota.flatMap { $0 > 0 ? max(0, $0 - stats.stored) : nil } ?? .max
        let available = min(stats.available, quota)
        return PoolSpace(total: stats.stored + available, available: available)
    }
}
