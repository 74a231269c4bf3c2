package import FoundationEssentials

/// A customer's server, as the API shows it.
package struct Server: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    /// `running`, `initializing`, `starting`, `stopping`, `off`, `deleting`, `migrating`, `rebuilding` or `unknown`.
    package var status: String
    package var publicNet: PublicNet
    /// Always empty: there are no private networks yet.
    package var privateNet: [EmptyObject]
    /// The plan as it was ordered, with the disk that the server really has.
    package var serverType: ServerType
    package var datacenter: Datacenter
    package var location: Location
    @Nullable package var image: Image?
    /// Always null.
    @Nullable package var iso: EmptyObject?
    package var rescueEnabled: Bool
    /// A create, reinstall, resize, undo or deletion is not over, or the server is on hold: most other actions are refused.
    package var locked: Bool
    @Nullable package var backupWindow: String?
    /// Bytes; null while it is not measured.
    @Nullable package var outgoingTraffic: Int64?
    /// Bytes; null while it is not measured.
    @Nullable package var ingoingTraffic: Int64?
    /// Bytes a month; 0 means not limited.
    package var includedTraffic: Int64
    package var protection: ServerProtection
    package var labels: [String: String]
    /// Always empty: there are no block volumes yet.
    package var volumes: [Int64]
    /// GB.
    package var primaryDiskSize: Int
    package var loadBalancers: [Int64]
    @Nullable package var placementGroup: EmptyObject?
    package var created: Date
    /// Ours: its SSH host keys as its system reported them, each as in a known_hosts file without the name; empty until then.
    package var hostKeys: [String]
    /// Ours: why it may not be used, the oldest first; empty for almost all.
    package var holds: [Hold]

    package init(
        id: Int64, name: String, status: String, publicNet: PublicNet, privateNet: [EmptyObject] = [],
        serverType: ServerType, datacenter: Datacenter, location: Location, image: Image? = nil, iso: EmptyObject? = nil,
        rescueEnabled: Bool = false, locked: Bool = false, backupWindow: String? = nil, outgoingTraffic: Int64? = nil,
        ingoingTraffic: Int64? = nil, includedTraffic: Int64 = 0, protection: ServerProtection,
        labels: [String: String] = [:], volumes: [Int64] = [], primaryDiskSize: Int, loadBalancers: [Int64] = [],
        placementGroup: EmptyObject? = nil, created: Date, hostKeys: [String] = [], holds: [Hold] = []
    ) {
        self.id = id
        self.name = name
        self.status = status
        self.publicNet = publicNet
        self.privateNet = privateNet
        self.serverType = serverType
        self.datacenter = datacenter
        self.location = location
        self.image = image
        self.iso = iso
        self.rescueEnabled = rescueEnabled
        self.locked = locked
        self.backupWindow = backupWindow
        self.outgoingTraffic = outgoingTraffic
        self.ingoingTraffic = ingoingTraffic
        self.includedTraffic = includedTraffic
        self.protection = protection
        self.labels = labels
        self.volumes = volumes
        self.primaryDiskSize = primaryDiskSize
        self.loadBalancers = loadBalancers
        self.placementGroup = placementGroup
        self.created = created
        self.hostKeys = hostKeys
        self.holds = holds
    }
}

/// Why a server may not be used: while one stands it is off, and its customer can neither power it on nor change or delete it.
package struct Hold: Codable, Hashable, Sendable {
    /// `billing`, `abuse`, `traffic` or `operator`.
    package var reason: String
    package var since: Date

    package init(
        reason: String, since: Date
    ) {
        self.reason = reason
        self.since = since
    }
}

/// A server's public addresses. A server that waits for its first has none.
package struct PublicNet: Codable, Hashable, Sendable {
    @Nullable package var ipv4: PublicIPv4?
    @Nullable package var ipv6: PublicIPv6?
    package var floatingIps: [Int64]
    package var firewalls: [EmptyObject]

    package init(
        ipv4: PublicIPv4? = nil, ipv6: PublicIPv6? = nil, floatingIps: [Int64] = [], firewalls: [EmptyObject] = []
    ) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.floatingIps = floatingIps
        self.firewalls = firewalls
    }
}

/// The public IPv4 address of a server.
package struct PublicIPv4: Codable, Hashable, Sendable {
    /// The primary IP's number.
    package var id: Int64
    package var ip: String
    package var blocked: Bool
    package var dnsPtr: String

    package init(
        id: Int64, ip: String, blocked: Bool = false, dnsPtr: String = ""
    ) {
        self.id = id
        self.ip = ip
        self.blocked = blocked
        self.dnsPtr = dnsPtr
    }
}

/// The public IPv6 network of a server: a single address is written as a /128.
package struct PublicIPv6: Codable, Hashable, Sendable {
    /// The primary IP's number.
    package var id: Int64
    package var ip: String
    package var blocked: Bool
    package var dnsPtr: [ReverseName]

    package init(
        id: Int64, ip: String, blocked: Bool = false, dnsPtr: [ReverseName] = []
    ) {
        self.id = id
        self.ip = ip
        self.blocked = blocked
        self.dnsPtr = dnsPtr
    }
}

/// A name that an address resolves back to.
package struct ReverseName: Codable, Hashable, Sendable {
    package var ip: String
    package var dnsPtr: String

    package init(
        ip: String, dnsPtr: String
    ) {
        self.ip = ip
        self.dnsPtr = dnsPtr
    }
}

/// What the customer may not do to a server by accident.
package struct ServerProtection: Codable, Hashable, Sendable {
    package var delete: Bool
    package var rebuild: Bool

    package init(
        delete: Bool, rebuild: Bool
    ) {
        self.delete = delete
        self.rebuild = rebuild
    }
}
