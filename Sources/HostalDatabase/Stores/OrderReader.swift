package import FoundationEssentials
package import HostalModel

/// One step of an order's job, for people to read.
package struct StepSummary: Sendable {
    package var name: String
    package var state: String
    package var startedAt: Date
    package var finishedAt: Date?
    /// For operators.
    package var error: String?
}

/// An order with its job and steps, for people to read.
package struct OrderSummary: Sendable {
    package var id: OrderID
    package var source: String
    package var reference: String
    package var kind: String
    package var state: String
    package var server: ServerID?
    package var serverName: String?
    package var progress: Int
    package var direction: String?
    package var waitingFor: String?
    package var errorCode: String?
    package var errorMessage: String?
    /// For operators.
    package var errorDetail: String?
    package var createdAt: Date
    package var finishedAt: Date?
    package var stepNames: [String]
    package var steps: [StepSummary]
    package var addresses: [String]
    package var hostKeys: [String]
    /// The database's clock when this was read.
    package var readAt: Date

    package var isOver: Bool { ["succeeded", "failed", "stuck"].contains(state) }
}

package struct OrderReader: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// Nil when there is no such order.
    package func order(_ id: OrderID) async throws -> OrderSummary? {
        let rows = try await database.query(
            """
            select o.id, o.source, o.external_ref, o.kind, o.state, o.server_id, s.name,
                   case when o.state = 'succeeded' then 100 else coalesce(j.progress, 0) end,
                   j.direction, w.waiting_for,
                   j.failure ->> 'code', j.failure ->> 'message', j.failure ->> 'detail', o.created_at, o.finished_at,
                   coalesce(j.step_names, '{}'),
                   array(select host(a.ip) from hostal.addresses a where a.server_id = o.server_id order by family(a.ip)),
                   coalesce(s.host_keys, '{}'), clock_timestamp(), j.id
              from hostal.orders o
              left join hostal.servers s on s.id = o.server_id
              left join hostal.jobs j on j.order_id = o.id
              left join hostal.waits w on w.job_id = j.id
             where o.id = \(id)
            """)
        guard let row = rows.first else { return nil }
        let steps = try await database.query(
            """
            select name, state, started_at, coalesce(undone_at, finished_at), coalesce(error ->> 'detail', error ->> 'message')
              from hostal.job_steps where job_id = \(orNull: try row.get(19, as: Int64?.self)) order by seq
            """
        ).map { step in
            StepSummary(
                name: try step.get(0), state: try step.get(1), startedAt: try step.get(2), finishedAt: try step.get(3),
                error: try step.get(4))
        }
        return OrderSummary(
            id: try row.get(0), source: try row.get(1), reference: try row.get(2), kind: try row.get(3), state: try row.get(4),
            server: try row.get(5), serverName: try row.get(6), progress: try row.get(7), direction: try row.get(8),
            waitingFor: try row.get(9), errorCode: try row.get(10), errorMessage: try row.get(11), errorDetail: try row.get(12),
            createdAt: try row.get(13), finishedAt: try row.get(14), stepNames: try row.get(15), steps: steps,
            addresses: try row.get(16), hostKeys: try row.get(17), readAt: try row.get(18))
    }

    /// The newest orders first, at most `limit`: of all, or of one state, or of those that are older than one of them.
    package func newest(_ limit: Int, state: String? = nil, before: Int64? = nil) async throws -> [OrderSummary] {
        var orders: [OrderSummary] = []
        let found = try await database.query(
            """
            select id from hostal.orders where (\(orNull: state)::text is null or state = \(orNull: state))
               and id < coalesce(\(orNull: before), 9223372036854775807) order by id desc limit \(limit)
            """)
        for row in found {
            if let order = try await order(try row.get(0)) { orders.append(order) }
        }
        return orders
    }
}
