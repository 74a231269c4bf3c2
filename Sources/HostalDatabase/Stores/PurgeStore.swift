/// Ends of kept disks: orders that nobody places but the platform itself.
package struct PurgeStore: Sendable {
    let database: Database
    package init(database: Database) { self.database = database }

    /// Orders at most `most` purges of disks whose time is over, and returns how many. Two callers at once order each one once.
    package func place(most: Int) async throws -> Int {
        try await database.query("select hostal.place_purges(\(most)::int)").first?.get(0) ?? 0
    }
}
