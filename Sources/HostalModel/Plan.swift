/// A size that a customer buys: one file in `plans/`, one row in the database. docs/plans.md gives every field's unit and range.
package struct Plan: Hashable, Sendable, Codable {
    package var name: String
    package var description: String
    package var vcpus: Int
    package var memory: Mebibytes
    package var disk: Gibibytes
    /// Included traffic each month, in GiB; 0 means that traffic is not limited.
    package var traffic: Gibibytes
    package var portSpeed: MegabitsPerSecond
    /// Decimal numbers in the currency of the API's settings, such as `4.15`.
    package var priceMonthly: String
    package var priceHourly: String
    /// The class of the pool that its disks lie in.
    package var storage: String

    package static let defaultStorage = "local"

    package init(
        name: String, description: String, vcpus: Int, memory: Mebibytes, disk: Gibibytes, traffic: Gibibytes,
        portSpeed: MegabitsPerSecond, priceMonthly: String = "0", priceHourly: String = "0",
        storage: String = Plan.defaultStorage
    ) {
        self.name = name
        self.description = description
        self.vcpus = vcpus
        self.memory = memory
        self.disk = disk
        self.traffic = traffic
        self.portSpeed = portSpeed
        self.priceMonthly = priceMonthly
        self.priceHourly = priceHourly
        self.storage = storage
    }

    /// Plans that were written down before plans had prices cost nothing; before they had a storage, their disks were local.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        description = try container.decode(String.self, forKey: .description)
        vcpus = try container.decode(Int.self, forKey: .vcpus)
        memory = try container.decode(Mebibytes.self, forKey: .memory)
        disk = try container.decode(Gibibytes.self, forKey: .disk)
        traffic = try container.decode(Gibibytes.self, forKey: .traffic)
        portSpeed = try container.decode(MegabitsPerSecond.self, forKey: .portSpeed)
        priceMonthly = try container.decodeIfPresent(String.self, forKey: .priceMonthly) ?? "0"
        priceHourly = try container.decodeIfPresent(String.self, forKey: .priceHourly) ?? "0"
        storage = try container.decodeIfPresent(String.self, forKey: .storage) ?? Self.defaultStorage
    }

    /// The names in the YAML file, in the database's JSON and in the API.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case name, description, vcpus, storage
        case memory = "memory_mib"
        case disk = "disk_gib"
        case traffic = "traffic_gib"
        case portSpeed = "port_speed_mbit"
        case priceMonthly = "price_monthly"
        case priceHourly = "price_hourly"
    }
}
