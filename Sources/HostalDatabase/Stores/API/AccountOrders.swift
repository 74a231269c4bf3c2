import FoundationEssentials
package import HostalProvisioning

/// What an account's API changes, in a transaction of the caller's.
package struct AccountOrders: Sendable {
    let transaction: Transaction
    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// Places an order and returns its number. Throws HO001 to HO005 (docs/orders.md).
    package func place(of account: Int64, kind: String, spec: JSONText) async throws -> Int64 {
        let reference = "api:\(UUID().uuidString.lowercased())"
        let rows = try await transaction.query("select hostal.place_account_order(\(account), \(reference), \(kind), \(spec))")
        guard let row = rows.first else { throw Unreadable(what: "the order that was placed") }
        return try row.get(0)
    }

    /// The server that an order is about, and its job's workflow where it has a job.
    package func subject(of order: Int64) async throws -> (server: Int64?, workflow: String?) {
        let rows = try await transaction.query(
            "select o.server_id, j.workflow from hostal.orders o left join hostal.jobs j on j.order_id = o.id where o.id = \(order)"
        )
        guard let row = rows.first else { throw Unreadable(what: "order \(order)") }
        return (try row.get(0), try row.get(1))
    }

    /// How a resize that has been placed will interrupt its server, in the words of dry runs: only its host knows whether a guest that runs has
    /// room for more.
    package func resizeDowntime(of order: Int64) async throws -> String {
        let rows = try await transaction.query(
            """
            select case when s.power = 'off' then 'none'
                        when (j.plan ->> 'vcpus')::int >= (s.plan ->> 'vcpus')::int
                         and (j.plan ->> 'memory_mib')::bigint >= (s.plan ->> 'memory_mib')::bigint then 'none_if_possible'
                        else 'reboot' end
              from hostal.jobs j join hostal.servers s on s.id = j.server_id where j.order_id = \(order)
            """)
        guard let row = rows.first else { throw Unreadable(what: "the job of order \(order)") }
        return try row.get(0)
    }

    package enum Update: Sendable {
        case done
        /// The account has no such server.
        case absent
        /// The server has other labels than the caller believed.
        case overtaken
    }

    /// Gives a server another name or other labels; what is nil stays. Of two callers at once who expect the same labels, the first wins.
    /// Throws HO001 for labels that are refused, 23505 for a name that another server of the account has.
    package func update(
        server: Int64, of account: Int64, name: String?, labels: [String: String]?, expecting expected: [String: String]?
    ) async throws -> Update {
        let labels = try labels.map { try JSONText(encoding: $0) }
        let expected = try expected.map { try JSONText(encoding: $0) }
        let updated = try await transaction.query(
            """
            update hostal.servers s
               set name = coalesce(\(orNull: name), s.name),
                   labels = hostal.checked_labels(jsonb_build_object('labels', coalesce(\(orNull: labels), s.labels)))
             where s.id = \(server) and s.account_id = \(account) and s.state <> 'deleted'
               and s.labels = coalesce(\(orNull: expected), s.labels) returning s.id
            """)
        guard updated.isEmpty else { return .done }
        let present = try await transaction.query(
            "select id from hostal.servers where id = \(server) and account_id = \(account) and state <> 'deleted'")
        return present.isEmpty ? .absent : .overtaken
    }
}
