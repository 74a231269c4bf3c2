package import HostalModel

/// The provider's images: every order may name them.
package struct ImageCatalog: Sendable {
    let database: any Querying
    package init(database: any Querying) { self.database = database }

    /// Makes this content the one that new orders get under this name. The same content again only renews its location.
    /// Two callers at once: the later wins.
    package func register(name: String, image: StoredImage) async throws {
        try await database.transaction { transaction in
            _ = try await transaction.query("select pg_advisory_xact_lock(hashtext('hostal.images'))")
            _ = try await transaction.query(
                """
                update hostal.images set active = false
                 where name = \(name) and account_id is null and active and digest <> \(image.digest.hex)
                """)
            _ = try await transaction.query(
                """
                insert into hostal.images (name, digest, format, virtual_size, location)
                values (\(name), \(image.digest.hex), \(image.format.rawValue), \(image.virtualSize), \(image.path))
                on conflict (name, digest) where account_id is null do update set location = excluded.location, active = true
                """)
        }
    }

    package func list() async throws -> [Image] {
        try await database.query(
            """
            select id, name, digest, format, virtual_size, location from hostal.images where active and account_id is null
             order by name
            """
        ).map { row in
            guard let digest = Digest(hex: try row.get(2)), let format = DiskFormat(rawValue: try row.get(3)) else {
                throw Unreadable(what: "image '\(try row.get(1, as: String.self))'")
            }
            return Image(
                id: try row.get(0), name: try row.get(1), digest: digest, format: format, virtualSize: try row.get(4),
                location: try row.get(5))
        }
    }
}
