import Glibc
import HostalModel
import HostalProvisioning

/// The guest's network, in netplan's version 2: static addresses on the one card, known by its MAC address and named eth0.
///
/// Default routes are written as `0.0.0.0/0` and `::/0`: cloud-init 22.4 with netplan and 25.1 with any renderer take these;
/// `default` gives no route with networkd, and `gateway4` is deprecated, which degrades the boot's result from 25.1 on.
enum NetworkConfig {
    private static let set = "is set by Hostal for each server; leave it out"

    static let refusals: SeedTemplate.Refusals = Dictionary(
        uniqueKeysWithValues: [
            "match", "set-name", "dhcp4", "dhcp6", "accept-ra", "addresses", "routes", "gateway4", "gateway6",
            "nameservers.addresses",
        ].map { ("ethernets.eth0.\($0)", set) } + [("version", set), ("network", "is not needed; begin with 'ethernets'")])

    static func document(for contents: SeedContents, over template: CloudConfig) throws -> String {
        let network = contents.network
        let card: CloudConfig = [
            "match": ["macaddress": .string(contents.mac.description)],
            "set-name": "eth0",
            "dhcp4": false,
            "dhcp6": false,
            "accept-ra": false,
            "addresses": .list(network.addresses.map { .string("\($0.ip)/\($0.prefixLength)") }),
            "routes": .list(routes(network.addresses)),
            "nameservers": ["addresses": .list(network.nameServers.map { .string($0) })],
        ]
        let ours: CloudConfig = ["version": 2, "ethernets": ["eth0": card]]
        return try template.merging(ours).yaml()
    }

    /// One default route for each gateway.
    private static func routes(_ addresses: [AssignedAddress]) -> [CloudConfig] {
        var seen: Set<String> = []
        return addresses.filter { seen.insert($0.gateway).inserted }.map { address in
            let route: CloudConfig = ["to": address.family == .v4 ? "0.0.0.0/0" : "::/0", "via": .string(address.gateway)]
            return address.holdsGateway ? route : route.merging(["on-link": true])
        }
    }
}

extension AssignedAddress {
    /// Whether the kernel finds the gateway by itself: it is in the address's network, or link-local. One outside, as with a /32, needs
    /// `on-link`, which cloud-init's own schema does not know: such a boot is reported as degraded by cloud-init 25.1 without netplan's library.
    fileprivate var holdsGateway: Bool {
        guard let own = Self.octets(ip, family), let gateway = Self.octets(gateway, family) else { return false }
        if family == .v6, gateway[0] == 0xfe, gateway[1] & 0xc0 == 0x80 { return true }
        let differing = zip(own, gateway).map { $0 ^ $1 }
        let firstDifference = differing.firstIndex { $0 != 0 }.map { $0 * 8 + differing[$0].leadingZeroBitCount }
        return firstDifference.map { $0 >= prefixLength } ?? true
    }

    private static func octets(_ text: String, _ family: Family) -> [UInt8]? {
        var octets = [UInt8](repeating: 0, count: family == .v4 ? 4 : 16)
        return inet_pton(family == .v4 ? AF_INET : AF_INET6, text, &octets) == 1 ? octets : nil
    }
}
