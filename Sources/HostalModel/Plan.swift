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

    package init(
        name: String, description: String, vcpus: Int, memory: Mebibytes, disk: Gibibytes, traffic: Gibibytes,
        portSpeed: MegabitsPerSecond
    ) {
        self.name = name
        self.description = description
        self.vcpus = vcpus
        self.memory = memory
        self.disk = disk
        self.traffic = traffic
        self.portSpeed = portSpeed
    }

    /// The names in the YAML file, in the database's JSON and in the API.
    package enum CodingKeys: String, CodingKey, CaseIterable {
        case name, description, vcpus
        case memory = "memory_mib"
        case disk = "disk_gib"
        case traffic = "traffic_gib"
        case portSpeed = "port_speed_mbit"
    }
}
