/// Where hosts stand, as customers see it.
package struct LocationRecord: Sendable, Hashable {
    package var id: Int64
    package var name: String
    package var description: String
    /// ISO 3166-1 alpha-2, or empty.
    package var country: String
    package var city: String
    package var networkZone: String

    init(_ row: Row, from n: Int) throws {
        id = try row.get(n)
        name = try row.get(n + 1)
        description = try row.get(n + 2)
        country = try row.get(n + 3)
        city = try row.get(n + 4)
        networkZone = try row.get(n + 5)
    }
}

/// The locations; the database has one from the start.
package struct LocationStore: Sendable {
    let database: any Querying
    package init(_ database: any Querying) { self.database = database }

    package func list() async throws -> [LocationRecord] {
        try await database.query(
            "select id, name, description, country, city, network_zone from hostal.locations order by id"
        ).map { try LocationRecord($0, from: 0) }
    }

    /// Throws 23514 for a name or country that the database refuses, 23505 for a name that is taken.
    package func add(
        name: String, description: String, country: String, city: String, networkZone: String
    ) async throws -> Int64 {
        let rows = try await database.query(
            """
            insert into hostal.locations (name, description, country, city, network_zone)
            values (\(name), \(description), \(country), \(city), \(networkZone)) returning id
            """)
        guard let row = rows.first else { throw Unreadable(what: "location '\(name)'") }
        return try row.get(0)
    }

    /// Describes a location anew. What is nil stays; `newName` renames it. False when there is none of this name.
    /// Throws 23514 for a name or country that the database refuses, 23505 for a name that is taken.
    package func set(
        name: String, newName: String?, description: String?, country: String?, city: String?, networkZone: String?
    ) async throws -> Bool {
        try await database.query(
            """
            update hostal.locations
               set name = coalesce(\(orNull: newName), name), description = coalesce(\(orNull: description), description),
                   country = coalesce(\(orNull: country), country), city = coalesce(\(orNull: city), city),
                   network_zone = coalesce(\(orNull: networkZone), network_zone)
             where name = \(name) returning id
            """
        ).count == 1
    }
}
