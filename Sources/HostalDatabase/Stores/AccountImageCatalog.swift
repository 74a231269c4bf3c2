package import FoundationEssentials
package import HostalModel

/// An account's own image as operators see it.
package struct AccountImage: Sendable {
    package var id: ImageID
    /// `SOURCE/REFERENCE`.
    package var account: String
    package var server: ServerID?
    package var description: String
    /// Of the file; nil while it is being made.
    package var bytes: Int64?
    package var createdAt: Date
}

/// Images that customers have made of their servers, for operators.
package struct AccountImageCatalog: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// At most `most`, the oldest first.
    package func list(most: Int) async throws -> [AccountImage] {
        try await database.query(
            """
            select i.id, a.source || '/' || a.external_ref, i.server_id, i.description, i.bytes, i.created_at
              from hostal.images i join hostal.accounts a on a.id = i.account_id where i.deleted_at is null order by i.id limit \(most)
            """
        ).map { row in
            AccountImage(
                id: try row.get(0), account: try row.get(1), server: try row.get(2), description: try row.get(3),
                bytes: try row.get(4), createdAt: try row.get(5))
        }
    }

    /// Whatever its owner has said of protection. Throws HO001 where there is none, HO003 for one that is being made.
    package func delete(_ image: ImageID) async throws {
        _ = try await database.query(
            "select hostal.delete_image((select i.account_id from hostal.images i where i.id = \(image)), \(image), false)")
    }
}
