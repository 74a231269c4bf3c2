package import FoundationEssentials

/// An address that a server has.
package struct PrimaryIP: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    /// IPv6 as a network, for instance `2001:db8::5/128`.
    package var ip: String
    /// `ipv4` or `ipv6`.
    package var type: String
    @Nullable package var assigneeId: Int64?
    package var assigneeType: String
    package var autoDelete: Bool
    package var blocked: Bool
    package var dnsPtr: [ReverseName]
    package var datacenter: Datacenter
    package var location: Location
    package var protection: DeleteProtection
    package var labels: [String: String]
    package var created: Date

    package init(
        id: Int64, name: String, ip: String, type: String, assigneeId: Int64? = nil, assigneeType: String = "server",
        autoDelete: Bool = true, blocked: Bool = false, dnsPtr: [ReverseName] = [], datacenter: Datacenter,
        location: Location, protection: DeleteProtection = DeleteProtection(delete: false), labels: [String: String] = [:],
        created: Date
    ) {
        self.id = id
        self.name = name
        self.ip = ip
        self.type = type
        self.assigneeId = assigneeId
        self.assigneeType = assigneeType
        self.autoDelete = autoDelete
        self.blocked = blocked
        self.dnsPtr = dnsPtr
        self.datacenter = datacenter
        self.location = location
        self.protection = protection
        self.labels = labels
        self.created = created
    }
}
