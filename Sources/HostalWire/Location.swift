/// A place where hosts stand.
package struct Location: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var description: String
    /// ISO 3166-1 alpha-2, or empty.
    package var country: String
    package var city: String
    package var latitude: Double
    package var longitude: Double
    package var networkZone: String

    package init(
        id: Int64, name: String, description: String, country: String, city: String, latitude: Double = 0,
        longitude: Double = 0, networkZone: String
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.country = country
        self.city = city
        self.latitude = latitude
        self.longitude = longitude
        self.networkZone = networkZone
    }
}

/// The one data centre of each location; clients that still ask for it get the location's number and name.
package struct Datacenter: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var description: String
    package var location: Location
    package var serverTypes: DatacenterServerTypes

    package init(
        id: Int64, name: String, description: String, location: Location, serverTypes: DatacenterServerTypes
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.location = location
        self.serverTypes = serverTypes
    }
}

/// Plans by number.
package struct DatacenterServerTypes: Codable, Hashable, Sendable {
    package var supported: [Int64]
    package var available: [Int64]
    package var availableForMigration: [Int64]

    package init(
        supported: [Int64], available: [Int64], availableForMigration: [Int64]
    ) {
        self.supported = supported
        self.available = available
        self.availableForMigration = availableForMigration
    }
}
