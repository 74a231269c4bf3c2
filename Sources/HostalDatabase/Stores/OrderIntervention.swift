package import HostalModel

/// What an operator does to an order's job. One transaction each, under the server's lock; two operators at once get one outcome, and the
/// second is told how the order stands by then.
package struct OrderIntervention: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// How long undoing may be tried again before the job is stuck again.
    static let undoDeadline = Duration.seconds(3_600)

    /// Sends a stuck order's job on from where it stands: the step that failed runs again, forward or back. What was mended on the host
    /// meanwhile is found as it is. Throws `OrderNotThere` and `OrderElsewhere`.
    package func retry(_ order: OrderID) async throws {
        try await database.transaction { transaction in
            let state = try await lock(order, transaction)
            guard state == "stuck" else { throw OrderElsewhere(order: order, state: state, wanted: "stuck") }
            _ = try await transaction.query(
                """
                update hostal.jobs
                   set state = 'open', run_at = now(), attempt = 0, finished_at = null,
                       deadline_at = case direction when 'unwinding' then now() + \(Self.undoDeadline) end
                 where order_id = \(order) and state = 'stuck'
                """)
            _ = try await transaction.query(
                "update hostal.orders set state = 'running', error = null, finished_at = null where id = \(order)")
            try await event("order.retried", order, transaction)
            _ = try await transaction.query("notify hostal_jobs")
        }
    }

    package enum Cancellation: Sendable {
        /// It had not begun, and will not.
        case ended
        /// Its worker has been asked to undo what was done; past its point of no return it is finished instead.
        case asked
    }

    /// What only goes forward: there is no way back from it, or a promise rests on it.
    private static let final = ["delete-server", "suspend-server", "resume-server", "purge-volume"]

    /// Has a queued order fail, and a running one undone. Throws `OrderNotThere`, and `OrderElsewhere` for one that is over, stuck, or only goes
    /// forward.
    package func cancel(_ order: OrderID) async throws -> Cancellation {
        try await database.transaction { transaction in
            let state = try await lock(order, transaction)
            let asked = try await transaction.query(
                """
                update hostal.jobs set cancel_requested = true, run_at = least(run_at, now())
                 where order_id = \(order) and state = 'open' and workflow <> all (\(Self.final)) returning id
                """)
            if !asked.isEmpty {
                _ = try await transaction.query("notify hostal_jobs")
                return .asked
            }
            let ended = try await transaction.query(
                """
                with ended as (
                    update hostal.jobs
                       set state = 'failed', finished_at = now(),
                           failure = '{"kind": "permanent", "code": "cancelled", "message": "cancelled on request"}'
                     where order_id = \(order) and state = 'queued' and workflow <> all (\(Self.final)) returning order_id, failure)
                update hostal.orders o set state = 'failed', finished_at = now(), error = ended.failure - 'kind'
                  from ended where o.id = ended.order_id returning o.id
                """)
            guard !ended.isEmpty else {
                throw OrderElsewhere(order: order, state: state, wanted: "queued or running, and no deletion, hold or purge")
            }
            try await event("order.failed", order, transaction)
            return .ended
        }
    }

    /// The order's state, with its server locked: who opens or ends a job of the server holds the same lock.
    private func lock(_ order: OrderID, _ transaction: Transaction) async throws -> String {
        _ = try await transaction.query(
            "select s.id from hostal.servers s join hostal.orders o on o.server_id = s.id where o.id = \(order) for update of s")
        let rows = try await transaction.query("select state from hostal.orders where id = \(order)")
        guard let row = rows.first else { throw OrderNotThere(order: order) }
        return try row.get(0)
    }

    /// A job's lease epoch makes the key: an order may be retried more than once.
    private func event(_ kind: String, _ order: OrderID, _ transaction: Transaction) async throws {
        _ = try await transaction.query(
            """
            insert into hostal.events (dedupe_key, kind, account_id, server_id, order_id, data)
            select \(kind) || ':' || o.id || ':' || j.lease_epoch, \(kind), o.account_id, o.server_id, o.id, coalesce(o.error, '{}')
              from hostal.orders o join hostal.jobs j on j.order_id = o.id where o.id = \(order)
            on conflict (dedupe_key) do nothing
            """)
    }
}

package struct OrderNotThere: Error, CustomStringConvertible {
    package var order: OrderID
    package var description: String { "there is no order \(order)" }
}

/// The order is in no state for what was asked.
package struct OrderElsewhere: Error, CustomStringConvertible {
    package var order: OrderID
    package var state: String
    package var wanted: String
    package var description: String { "order \(order) is \(state); it must be \(wanted)" }
}
