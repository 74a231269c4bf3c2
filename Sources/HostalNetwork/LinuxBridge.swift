import HostalProvisioning
import HostalSystem

/// The bridges that guests' taps are plugged into. Needs CAP_NET_ADMIN.
package struct LinuxBridge: Sendable {
    private let tools: NetworkTools
    /// What the links that we made are called beside their name (`ifalias`), and how we know them again.
    static let mark = "hostal"

    package init(commandPrefix: [String] = []) {
        tools = NetworkTools(prefix: commandPrefix)
    }

    /// Throws `networkUnavailable` unless there is a link of this name, it is a bridge, it is up, and runs no spanning tree: the kernel takes
    /// part in that past every filter, so guests could too.
    ///
    /// Whoever made it, from then on it learns no MACs from frames to 01:80:c2:00:00:0x. No filter sees LLDP's either: a guest that sent
    /// one from its neighbour's MAC would get its neighbour's frames.
    package func ensure(_ name: BridgeName) async throws {
        try await naming("look at the network") {
            guard let link = try await bridge(name) else { throw Failure.bridgeUnavailable(name, "does not exist") }
            guard link.isUp else { throw Failure.bridgeUnavailable(name, "is down") }
            guard !link.hasSpanningTree else { throw Failure.bridgeUnavailable(name, "runs a spanning tree: set stp_state to 0") }
            if link.learnsFromControlFrames {
                try await tools.run(["ip", "link", "set", "dev", name.description, "type", "bridge", "no_linklocal_learn", "1"])
            }
        }
    }

    /// Makes the bridge unless there is one of this name, gives it these addresses, takes it up, and ensures it. Its other addresses stay.
    ///
    /// A link of this name that is no bridge is left alone: `needsOperator`. Two callers at once get one bridge. A caller that dies between
    /// making the bridge and marking it leaves one that works, and that `remove` refuses.
    package func create(_ name: BridgeName, addresses: [BridgeAddress]) async throws {
        try await naming("make the network") {
            if try await bridge(name) == nil { try await make(name) }
            try await bypassPacketFilters()
            try await batch(addresses.map { "addr replace \($0) dev \(name)" } + ["link set dev \(name) up"])
            try await ensure(name)
        }
    }

    /// Removes a bridge that `create` made. Absent is success; one that we did not make, or that still has ports, is left alone
    /// (`needsOperator`).
    package func remove(_ name: BridgeName) async throws {
        try await naming("remove the network") {
            guard let link = try await bridge(name) else { return }
            guard link.ifalias == Self.mark else { throw Failure.foreignLink(name.description, "was not made by Hostal") }
            let ports = try await tools.ports(of: name.description).map(\.ifname)
            guard ports.isEmpty else {
                throw Failure.foreignLink(name.description, "still has ports: \(ports.prefix(10).joined(separator: ", "))")
            }
            try await deleteLink(name.description)
        }
    }

    /// Keeps frames that cross a bridge out of the host's IP and ARP filters, where a firewall that is meant for the host itself would
    /// drop guests' traffic. For all bridges of the host; nothing to do where the kernel has no such filters.
    package func bypassPacketFilters() async throws {
        try await naming("set up the network") {
            let settings = ["iptables", "ip6tables", "arptables"].map { "net.bridge.bridge-nf-call-\($0)=0" }
            try await tools.run(["sysctl", "-e", "-q", "-w"] + settings)
        }
    }

    /// Deletes the tap. Absent is success; a link of this name that is no tap is left alone (`needsOperator`).
    package func removeTap(_ tap: TapName) async throws {
        try await naming("remove a network card") {
            guard let link = try await tools.link(tap.description) else { return }
            guard link.isTap else { throw Failure.foreignLink(tap.description, "is not a tap") }
            try await deleteLink(tap.description)
        }
    }

    /// Whether any link has this tap's name.
    package func hasLink(_ tap: TapName) async throws -> Bool {
        try await naming("look at a network card") { try await tools.link(tap.description) != nil }
    }

    private func bridge(_ name: BridgeName) async throws -> Link? {
        guard let link = try await tools.link(name.description) else { return nil }
        guard link.isBridge else { throw Failure.foreignLink(link.ifname, "is not a bridge") }
        return link
    }

    /// Without multicast snooping: where nobody on the link asks for members, it loses neighbour discovery.
    private func make(_ name: BridgeName) async throws {
        do {
            try await batch([
                "link add name \(name) type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
                "link set dev \(name) alias \(Self.mark)",
            ])
        } catch let error as CommandError {
            // Another caller was faster, or it was not that.
            if try await bridge(name) == nil { throw error }
        }
    }

    private func batch(_ lines: [String]) async throws {
        try await tools.run(["ip", "-batch", "-"], input: lines.joined(separator: "\n") + "\n")
    }

    private func deleteLink(_ name: String) async throws {
        do {
            try await tools.run(["ip", "link", "delete", "dev", name])
        } catch let error as CommandError where error.saysLinkIsAbsent {
            // Gone in between, which is what was asked for.
        }
    }
}
