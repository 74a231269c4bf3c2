package import HostalProvisioning

/// Guests' networks on Linux bridges: a firewall entry for each tap before it exists, a bridge to plug it into.
///
/// Safe to call from many tasks and processes at once. Needs CAP_NET_ADMIN, and `ip`, `nft` and `sysctl` on the path.
package struct BridgedNetwork: GuestNetwork {
    private let firewall: GuestFirewall
    private let bridge: LinuxBridge
    private let created: [BridgeName: [BridgeAddress]]

    /// - Parameters:
    ///   - created: bridges that `prepare` makes, with the host's addresses on them. All others must be there.
    ///   - commandPrefix: what stands before every command, as `ip netns exec NAME`; nothing in production.
    package init(creating created: [BridgeName: [BridgeAddress]] = [:], commandPrefix: [String] = []) {
        self.created = created
        firewall = GuestFirewall(commandPrefix: commandPrefix)
        bridge = LinuxBridge(commandPrefix: commandPrefix)
    }

    /// Makes the host ready for guests: the firewall's rules, the bridges to create, and bridged frames kept out of the host's own packet
    /// filters. For the start of a worker; may be repeated at any time, with guests running.
    package func prepare() async throws {
        try await firewall.install()
        try await bridge.bypassPacketFilters()
        for (name, addresses) in created { try await bridge.create(name, addresses: addresses) }
    }

    package func attach(_ interface: GuestInterface) async throws {
        try await bridge.ensure(try BridgeName(interface.bridge))
        try await firewall.admit(interface)
    }

    package func detach(tap: String) async throws {
        let tap = try TapName(tap)
        try await firewall.expel(tap)
        try await bridge.removeTap(tap)
    }

    package func remains(of tap: String) async throws -> [String] {
        let tap = try TapName(tap)
        let link = try await bridge.hasLink(tap) ? ["link \(tap)"] : []
        return try await firewall.entries(of: tap) + link
    }
}
