import HostalProvisioning

/// Addresses of one range, by what has become of them.
package struct AddressRangeSummary: Sendable, Codable {
    package var id: Int64
    package var subnet: String
    package var gateway: String
    package var free: Int
    package var assigned: Int
    package var quarantined: Int
}

/// A network as operators see it.
package struct NetworkSummary: Sendable {
    package var id: Int64
    package var name: String
    package var bridge: String
    package var nameServers: [String]
    /// The hosts that carry it, by name.
    package var hosts: [String]
    package var ranges: [AddressRangeSummary]
}

/// The networks with their hosts and addresses.
package struct NetworkReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    package func list() async throws -> [NetworkSummary] {
        try await database.query(
            """
            select n.id, n.name, n.bridge, array(select host(s) from unnest(n.name_servers) s),
                   array(select h.name from hostal.host_networks c join hostal.hosts h on h.id = c.host_id where c.network_id = n.id order by h.name),
                   coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'subnet', r.subnet::text, 'gateway', host(r.gateway),
                                    'free', c.free, 'assigned', c.assigned, 'quarantined', c.quarantined) order by r.id)
                               from hostal.address_ranges r
                               cross join lateral (
                                   select count(*) filter (where a.state = 'free') as free, count(*) filter (where a.state = 'assigned') as assigned,
                                          count(*) filter (where a.state = 'quarantined') as quarantined
                                     from hostal.addresses a where a.range_id = r.id) c
                              where r.network_id = n.id), '[]')
              from hostal.networks n order by n.name
            """
        ).map { row in
            NetworkSummary(
                id: try row.get(0), name: try row.get(1), bridge: try row.get(2), nameServers: try row.get(3),
                hosts: try row.get(4), ranges: try row.get(5, as: JSONText.self).decode([AddressRangeSummary].self))
        }
    }
}
