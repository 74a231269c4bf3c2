package import FoundationEssentials

/// A plan on sale, or as a server has it.
package struct ServerType: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var description: String
    package var cores: Int
    /// GB.
    package var memory: Double
    /// GB.
    package var disk: Int
    package var deprecated: Bool
    @Nullable package var deprecation: Deprecation?
    package var prices: [LocationPrice]
    package var storageType: String
    package var cpuType: String
    package var category: String
    package var architecture: String
    /// Bytes a month; 0 means not limited.
    package var includedTraffic: Int64
    package var locations: [ServerTypeLocation]
    /// Ours: Mbit/s.
    package var portSpeed: Int

    package init(
        id: Int64, name: String, description: String, cores: Int, memory: Double, disk: Int, deprecated: Bool = false,
        deprecation: Deprecation? = nil, prices: [LocationPrice] = [], storageType: String = "local",
        cpuType: String = "shared", category: String = "Shared", architecture: String = "x86", includedTraffic: Int64,
        locations: [ServerTypeLocation] = [], portSpeed: Int = 0
    ) {
        self.id = id
        self.name = name
        self.description = description
        self.cores = cores
        self.memory = memory
        self.disk = disk
        self.deprecated = deprecated
        self.deprecation = deprecation
        self.prices = prices
        self.storageType = storageType
        self.cpuType = cpuType
        self.category = category
        self.architecture = architecture
        self.includedTraffic = includedTraffic
        self.locations = locations
        self.portSpeed = portSpeed
    }
}

/// Where a plan is sold.
package struct ServerTypeLocation: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    @Nullable package var deprecation: Deprecation?
    package var available: Bool
    package var recommended: Bool

    package init(
        id: Int64, name: String, deprecation: Deprecation? = nil, available: Bool = true, recommended: Bool = false
    ) {
        self.id = id
        self.name = name
        self.deprecation = deprecation
        self.available = available
        self.recommended = recommended
    }
}

/// Since when something is no longer sold, and from when it is gone.
package struct Deprecation: Codable, Hashable, Sendable {
    package var announced: Date
    package var unavailableAfter: Date

    package init(
        announced: Date, unavailableAfter: Date
    ) {
        self.announced = announced
        self.unavailableAfter = unavailableAfter
    }
}

/// What a plan costs in one location.
package struct LocationPrice: Codable, Hashable, Sendable {
    package var location: String
    package var priceHourly: Price
    package var priceMonthly: Price
    /// Bytes a month.
    package var includedTraffic: Int64
    package var pricePerTbTraffic: Price

    package init(
        location: String, priceHourly: Price, priceMonthly: Price, includedTraffic: Int64 = 0, pricePerTbTraffic: Price
    ) {
        self.location = location
        self.priceHourly = priceHourly
        self.priceMonthly = priceMonthly
        self.includedTraffic = includedTraffic
        self.pricePerTbTraffic = pricePerTbTraffic
    }
}

/// Decimal numbers as text, in the currency of `Pricing`.
package struct Price: Codable, Hashable, Sendable {
    package var net: String
    package var gross: String

    package init(
        net: String, gross: String
    ) {
        self.net = net
        self.gross = gross
    }
}
