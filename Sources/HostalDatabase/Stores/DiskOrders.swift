import FoundationEssentials
package import HostalModel
import HostalProvisioning

/// What operators order for disks.
package struct DiskOrders: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// Orders the flattening of disks whose pool is to have flattened ones: at most `most`, one on each host. Two callers at once order each once.
    package func placeFlattens(most: Int) async throws -> Int {
        try await database.query("select hostal.place_flattens(\(most)::int)").first?.get(0) ?? 0
    }

    /// Has the server's disk made independent of its image. Throws HO001 or HO005 (docs/orders.md).
    package func flatten(_ server: ServerID) async throws -> OrderID {
        let spec = try JSONText(encoding: ["server": server])
        let rows = try await database.query("select hostal.place_flatten(\(UUID().uuidString.lowercased()), \(spec))")
        guard let row = rows.first else { throw Unreadable(what: "the order that was placed") }
        return try row.get(0)
    }
}
