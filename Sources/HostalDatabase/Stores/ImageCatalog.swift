package import HostalModel

/// One of the provider's images as operators see it.
package struct ImageSummary: Sendable {
    package var name: String
    package var digest: String
    /// New orders may name it.
    package var isActive: Bool
    /// That are recorded as built on this content.
    package var disks: Int
    /// That are not over, for a server of this content.
    package var orders: Int
    /// Others of the same content that orders may name.
    package var images: Int
}

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

    /// No new order may name it from now on; what is made of it stays. False where no order may anyway.
    package func retire(name: String) async throws -> Bool {
        try await !database.query(
            "update hostal.images set active = false where name = \(name) and account_id is null and active returning id"
        ).isEmpty
    }

    /// Those that orders may name, and the retired ones, each with what needs its content.
    package func listAll() async throws -> [ImageSummary] {
        try await database.query(
            """
            select i.name, i.digest, i.active,
                   (select count(*) from hostal.volumes v join hostal.images n on n.id = v.image_id
                     where n.digest = i.digest and \(unsafe: RetiredImages.isBuiltOnImage)),
                   (select count(*) from hostal.jobs j join hostal.servers s on s.id = j.server_id
                      join hostal.images n on n.id = coalesce(j.image_id, s.image_id)
                     where n.digest = i.digest and j.state in ('open', 'queued', 'stuck')),
                   (select count(*) from hostal.images n
                     where n.digest = i.digest and n.id <> i.id and (n.active or n.account_id is not null and n.deleted_at is null))
              from hostal.images i where i.account_id is null order by i.name, i.active desc, i.created_at desc
            """
        ).map { row in
            ImageSummary(
                name: try row.get(0), digest: try row.get(1), isActive: try row.get(2), disks: try row.get(3),
                orders: try row.get(4), images: try row.get(5))
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
