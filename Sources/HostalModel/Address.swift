/// A network card's address. Ours are locally administered and start with 02.
package struct MACAddress: Hashable, Sendable, Codable, CustomStringConvertible {
    package let octets: [UInt8]

    /// Nil unless `text` is six two-digit hexadecimal numbers with colons between.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let octets = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
        guard parts.count == 6, octets.count == 6 else { return nil }
        self.octets = octets
    }
    package var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let address = MACAddress(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a MAC address")
        }
        self = address
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// One address of a server with what the guest must know to use it. Text, as PostgreSQL's `inet` prints it: it has checked it.
package struct AssignedAddress: Hashable, Sendable, Codable {
    package enum Family: Int, Sendable, Codable {
        case v4 = 4
        case v6 = 6
    }
    package var family: Family
    /// Without the prefix length: `203.0.113.7`, `2001:db8::7`.
    package var ip: String
    package var prefixLength: Int
    package var gateway: String

    package init(family: Family, ip: String, prefixLength: Int, gateway: String) {
        self.family = family
        self.ip = ip
        self.prefixLength = prefixLength
        self.gateway = gateway
    }
}

/// What a server has on the network: its addresses, and the network that they belong to.
package struct AddressAssignment: Hashable, Sendable, Codable {
    /// The host's bridge that the addresses are reachable on.
    package var bridge: String
    package var addresses: [AssignedAddress]
    /// Name servers for the guest, IPv4 or IPv6, at most 4.
    package var nameServers: [String]

    package init(bridge: String, addresses: [AssignedAddress], nameServers: [String]) {
        self.bridge = bridge
        self.addresses = addresses
        self.nameServers = nameServers
    }
}
