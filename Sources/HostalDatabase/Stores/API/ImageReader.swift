package import FoundationEssentials

/// An image as customers see it: not where it is kept.
package struct ImageRecord: Sendable {
    package var id: Int64
    package var name: String
    /// Bytes that a disk needs at least.
    package var virtualSize: Int64
    /// New orders may name it. Servers keep images that no longer are.
    package var isActive: Bool
    package var createdAt: Date

    init(_ row: Row, from n: Int) throws {
        id = try row.get(n)
        name = try row.get(n + 1)
        virtualSize = try row.get(n + 2)
        isActive = try row.get(n + 3)
        createdAt = try row.get(n + 4)
    }
}

/// Images that new orders may name, and any image by its number.
package struct ImageReader: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    private static let fields = "id, name, virtual_size, active, created_at"

    package func image(_ id: Int64) async throws -> ImageRecord? {
        try await database.query("select \(unsafe: Self.fields) from hostal.images where id = \(id) and account_id is null").first
            .map {
                try ImageRecord($0, from: 0)
            }
    }

    package func active() async throws -> [ImageRecord] {
        try await database.query(
            "select \(unsafe: Self.fields) from hostal.images where active and account_id is null order by id"
        ).map {
            try ImageRecord($0, from: 0)
        }
    }
}
