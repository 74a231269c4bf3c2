package import FoundationEssentials
package import HostalModel

/// A disk that waits for its end.
package struct KeptDisk: Sendable {
    package var server: ServerID
    package var serverName: String
    package var generation: Int
    package var pool: String
    package var size: Gibibytes
    /// `kept` for an undo, or `deleted` with its server.
    package var state: String
    package var until: Date
}

/// Disks that are kept for a while, of servers that run and of deleted ones.
package struct KeptDisks: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// Those whose end comes first, at most `most`.
    package func list(most: Int) async throws -> [KeptDisk] {
        try await database.query(
            """
            select v.server_id, s.name, v.generation, v.disk #>> '{volume,pool}', (v.disk #>> '{volume,size}')::bigint >> 30, v.state,
                   v.keep_until
              from hostal.volumes v join hostal.servers s on s.id = v.server_id
             where v.state <> 'active' order by v.keep_until, v.server_id, v.generation limit \(most)
            """
        ).map { row in
            KeptDisk(
                server: try row.get(0), serverName: try row.get(1), generation: try row.get(2), pool: try row.get(3),
                size: Gibibytes(try row.get(4)), state: try row.get(5), until: try row.get(6))
        }
    }

    /// Ends the wait of this server's kept disks: they are purged by the next round. Returns how many.
    package func endNow(of server: ServerID) async throws -> Int {
        try await database.query(
            """
            update hostal.volumes set keep_until = least(keep_until, now())
             where server_id = \(server) and state <> 'active' returning generation
            """
        ).count
    }
}
