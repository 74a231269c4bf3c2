package import HostalModel
import HostalProvisioning

/// The plans that orders may name.
package struct PlanCatalog: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// Makes the plans on sale exactly these, in one transaction. Servers keep the plan that they were ordered with.
    package func apply(_ plans: [Plan]) async throws {
        try await database.transaction { transaction in
            for plan in plans {
                _ = try await transaction.query(
                    """
                    insert into hostal.plans (name, definition) values (\(plan.name), \(try JSONText(encoding: plan)))
                    on conflict (name) do update set definition = excluded.definition, active = true, applied_at = now()
                    """)
            }
            _ = try await transaction.query(
                "update hostal.plans set active = false where active and name <> all (\(plans.map(\.name)))")
        }
    }
}
