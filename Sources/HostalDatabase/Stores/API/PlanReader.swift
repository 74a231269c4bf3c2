package import HostalModel
import HostalProvisioning

/// A plan with its number.
package struct PlanRecord: Sendable {
    package var id: Int64
    package var plan: Plan
    /// On sale.
    package var isActive: Bool
}

/// Plans on sale, and any plan by its number: servers keep plans that are sold no longer.
package struct PlanReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    /// One that is no longer on sale included.
    package func plan(_ id: Int64) async throws -> PlanRecord? {
        try await database.query("select id, definition, active from hostal.plans where id = \(id)").first.map(Self.record)
    }

    package func active() async throws -> [PlanRecord] {
        try await database.query("select id, definition, active from hostal.plans where active order by id").map(Self.record)
    }

    /// On sale or not.
    package func all() async throws -> [PlanRecord] {
        try await database.query("select id, definition, active from hostal.plans order by id").map(Self.record)
    }

    private static func record(_ row: Row) throws -> PlanRecord {
        PlanRecord(id: try row.get(0), plan: try row.get(1, as: JSONText.self).decode(Plan.self), isActive: try row.get(2))
    }
}
