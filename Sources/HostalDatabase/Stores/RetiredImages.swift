package import HostalModel
import HostalProvisioning

/// Images that no new order may name, until nothing is left of them. A host whose worker dies in a removal lets go of it with its connection.
package struct RetiredImages: ImageLedger {
    let database: Database
    let removalLimit: Duration

    /// How long a removal holds up orders and imports: shorter than PostgreSQL lets a transaction sit idle.
    package static let removalLimit = Duration.seconds(45)
    /// In one answer; what is more comes when some of these are needed again.
    private static let digestsAtMost = 100_000

    package init(database: Database, removalLimit: Duration = RetiredImages.removalLimit) {
        self.database = database
        self.removalLimit = removalLimit
    }

    package func unneeded() async throws -> [Digest] {
        try await database.query(
            """
            select i.digest from hostal.images i where i.digest is not null
            except select n.digest from (\(unsafe: Self.needed)) n
            order by 1 limit \(Self.digestsAtMost)
            """
        ).map { row in
            let hex = try row.get(0, as: String.self)
            guard let digest = Digest(hex: hex) else { throw Unreadable(what: "digest '\(hex)'") }
            return digest
        }
    }

    package func remove(_ digest: Digest, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await database.transaction { transaction in
            // Also an import that gives this content another name waits.
            _ = try await transaction.query("select pg_advisory_xact_lock_shared(hashtext('hostal.images'))")
            _ = try await transaction.query("select id from hostal.images where digest = \(digest.hex) order by id for update")
            // Asked now, so that it sees what the locks have waited for.
            let needed = try await transaction.query(
                "select 1 from (\(unsafe: Self.needed)) n where n.digest = \(digest.hex) limit 1")
            guard needed.isEmpty else { return false }
            try await withinLimit(removal)
            return true
        }
    }

    package func deletedFiles(on host: HostID, most: Int) async throws -> [ImageID] {
        try await database.query(
            """
            select i.id from hostal.images i
             where i.deleted_at is not null and i.removed_at is null and coalesce(i.host_id, \(host)) = \(host)
               and not (\(unsafe: Self.isUsedByOrder))
             order by i.deleted_at, i.id limit \(most)
            """
        ).map { try $0.get(0) }
    }

    package func removeFile(of image: ImageID, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await database.transaction { transaction in
            _ = try await transaction.query("select id from hostal.images where id = \(image) for update")
            let unneeded = try await transaction.query(
                """
                select i.id from hostal.images i
                 where i.id = \(image) and i.deleted_at is not null and i.removed_at is null and not (\(unsafe: Self.isUsedByOrder))
                """)
            guard !unneeded.isEmpty else { return false }
            try await withinLimit(removal)
            _ = try await transaction.query("update hostal.images set removed_at = now() where id = \(image)")
            return true
        }
    }

    /// Digests, many times each. What cannot be read of a disk counts as an image below it.
    static let needed = """
        select i.digest from hostal.images i where i.active or i.account_id is not null and i.deleted_at is null
        union all
        select i.digest from hostal.volumes v join hostal.images i on i.id = v.image_id
         where \(isBuiltOnImage)
        union all
        select i.digest from hostal.jobs j join hostal.servers s on s.id = j.server_id
          join hostal.images i on i.id = coalesce(j.image_id, s.image_id)
         where j.state in ('open', 'queued', 'stuck')
        """

    /// Of a row `v` of `volumes`.
    static let isBuiltOnImage = "coalesce(jsonb_typeof(v.disk #> '{volume,backing}'), 'null') <> 'null'"

    /// Of a row `i` of `images`: an order that is not over fetches it, or makes it.
    private static let isUsedByOrder = """
        exists (select from hostal.jobs j join hostal.servers s on s.id = j.server_id
                 where j.state in ('open', 'queued', 'stuck')
                   and (coalesce(j.image_id, s.image_id) = i.id or j.order_id = i.order_id))
        """

    /// Never returns before the removal has.
    private func withinLimit(_ removal: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await removal() }
            group.addTask { [removalLimit] in
                try await Task.sleep(for: removalLimit)
                throw Failure(.temporary, .timeout, "cannot remove the image: it takes longer than \(removalLimit)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
