import FoundationEssentials
import HostalProvisioning

/// What an account's API changes of images that it has made, in a transaction of the caller's. The provider's are never touched.
package struct AccountImages: Sendable {
    let transaction: Transaction
    package init(_ transaction: Transaction) { self.transaction = transaction }

    /// The image that an order makes.
    package func image(madeBy order: Int64, of account: Int64) async throws -> ImageRecord? {
        try await transaction.query(
            "select \(unsafe: ImageRecord.fields) from hostal.images i where i.order_id = \(order) and i.account_id = \(account)"
        ).first.map { try ImageRecord($0, from: 0) }
    }

    /// Gives an image another description or other labels; what is nil stays. Of two callers at once who expect the same labels, the first
    /// wins. Throws HO001 for labels that are refused.
    package func update(
        _ image: Int64, of account: Int64, description: String?, labels: [String: String]?, expecting expected: [String: String]?
    ) async throws -> AccountOrders.Update {
        let labels = try labels.map { try JSONText(encoding: $0) }
        let expected = try expected.map { try JSONText(encoding: $0) }
        let updated = try await transaction.query(
            """
            update hostal.images i
               set description = coalesce(\(orNull: description), i.description),
                   labels = hostal.checked_labels(jsonb_build_object('labels', coalesce(\(orNull: labels), i.labels)))
             where i.id = \(image) and i.account_id = \(account) and i.deleted_at is null
               and i.labels = coalesce(\(orNull: expected), i.labels) returning i.id
            """)
        guard updated.isEmpty else { return .done }
        let present = try await transaction.query(
            "select id from hostal.images where id = \(image) and account_id = \(account) and deleted_at is null")
        return present.isEmpty ? .absent : .overtaken
    }

    /// No order may name it any more; its file goes once no disk needs it. False when the account has no such image. Throws HO003 for one
    /// that is being made, HO004 for a protected one.
    package func delete(_ image: Int64, of account: Int64) async throws -> Bool {
        do {
            _ = try await transaction.query("select hostal.delete_image(\(account), \(image))")
            return true
        } catch {
            guard error.sqlState == "HO001" else { throw error }
            return false
        }
    }

    /// Protects an image from its deletion, or lifts that, and returns the order that has done it; nil when the account has no such image.
    package func protect(_ image: Int64, of account: Int64, fromDeletion isProtected: Bool) async throws -> Int64? {
        let changed = try await transaction.query(
            """
            update hostal.images set delete_protected = \(isProtected)
             where id = \(image) and account_id = \(account) and deleted_at is null returning id
            """)
        guard !changed.isEmpty else { return nil }
        let source = "account:\(account)"
        let reference = "api:\(UUID().uuidString.lowercased())"
        _ = try await transaction.query(
            "insert into hostal.sources (name, owner) values (\(source), session_user) on conflict (name) do nothing")
        let rows = try await transaction.query(
            """
            select placed from hostal.insert_order(
                \(source), \(reference), 'change_protection', jsonb_build_object('image', \(image)::bigint, 'delete', \(isProtected)::boolean))
            """)
        guard let row = rows.first else { throw Unreadable(what: "the order that was placed") }
        let order: Int64 = try row.get(0)
        _ = try await transaction.query(
            """
            update hostal.orders set account_id = \(account), state = 'succeeded', started_at = now(), finished_at = now()
             where id = \(order)
            """)
        return order
    }
}
