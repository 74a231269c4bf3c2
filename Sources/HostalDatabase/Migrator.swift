/// Brings the database to this program's schema: runs each migration once, in order, in a transaction of its own.
package struct Migrator: Sendable {
    private let database: Database
    private let migrations: [Migration]

    package init(_ database: Database) { self.init(database, migrations: Migration.all) }

    init(_ database: Database, migrations: [Migration]) {
        self.database = database
        self.migrations = migrations
    }

    /// All migrators share this advisory lock: the first works, the others wait and then find nothing to do.
    private static let lock: Int64 = 0x686f_7374_616c  // "hostal"
    /// For one migration, waiting for another migrator included.
    private static let timeout = Duration.seconds(1_800)

    /// Runs what is pending and returns the names. Throws `MigrationChanged`, before it changes anything, if the text of an applied migration
    /// has changed since; a migration that fails leaves nothing of itself behind. Two callers at once get each migration run once.
    package func migrate() async throws -> [String] {
        _ = try await pending()
        let connection = try await database.dedicated()
        do {
            var applied: [String] = []
            for migration in migrations where try await apply(migration, on: connection) { applied.append(migration.name) }
            await connection.close()
            return applied
        } catch {
            await connection.close()
            throw error
        }
    }

    /// The names of what `migrate` would run. Throws `MigrationChanged` as it does.
    package func pending() async throws -> [String] {
        let exists: Bool = try await database.query("select to_regclass('hostal.schema_migrations') is not null").only()
        guard exists else { return migrations.map(\.name) }
        let rows = try await database.query("select name, sha256 from hostal.schema_migrations")
        let applied = try Dictionary(rows.map { (try $0.get(0, as: String.self), try $0.get(1, as: [UInt8].self)) }) { $1 }
        var pending: [String] = []
        for migration in migrations {
            guard let digest = applied[migration.name] else {
                pending.append(migration.name)
                continue
            }
            let current: [UInt8] = try await database.query("select sha256(\(migration.text))").only()
            guard digest == current else { throw MigrationChanged(name: migration.name) }
        }
        return pending
    }

    /// False if it was applied already.
    private func apply(_ migration: Migration, on connection: Connection) async throws -> Bool {
        try await connection.script(
            """
            begin;
            set local statement_timeout = \(Self.timeout.wholeMilliseconds);
            set local idle_in_transaction_session_timeout = 0;
            select pg_advisory_xact_lock(\(Self.lock));
            create schema if not exists hostal;
            create table if not exists hostal.schema_migrations (
                name text primary key, sha256 bytea not null, applied_at timestamptz not null default now());
            """, within: Self.timeout)
        let record = try await connection.query(
            "insert into hostal.schema_migrations (name, sha256) values (\(migration.name), sha256(\(migration.text))) on conflict do nothing"
        )
        if record.affected == 1 {
            try await connection.script(String(decoding: migration.text, as: UTF8.self), within: Self.timeout)
            guard await connection.isInTransaction else {
                throw PostgresError(
                    "25001", "migration '\(migration.name)' ends its transaction: it must not say commit or rollback")
            }
        }
        try await connection.commit()
        return record.affected == 1
    }
}

/// An applied migration was edited. What it says now was never run, so a new migration must say it.
package struct MigrationChanged: Error, Sendable, CustomStringConvertible {
    package let name: String
    package var description: String {
        "cannot migrate the database: '\(name)' has changed since it was applied; restore it and add a new migration"
    }
}

extension Rows {
    /// The first field of the first row; throws 02000 if there is none.
    fileprivate func only<T: PostgresDecodable>() throws(PostgresError) -> T {
        guard let row = first else { throw PostgresError("02000", "the result has no row") }
        return try row.get(0)
    }
}
