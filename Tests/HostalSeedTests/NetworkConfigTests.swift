import HostalModel
import HostalSystem
import Testing

@testable import HostalSeed

/// cloud-init's own renderers judge the network document.
@Suite struct NetworkConfigTests {
    private func render(_ network: AddressAssignment, as renderer: String) async throws -> String {
        let cloudInit = try await CloudInit.unpacked()
        let document = try SeedTemplates.load(from: shippedTemplates).files(for: contents(network: network))
            .first { $0.name == "network-config" }
        return try await withDirectory { directory in
            try write(try #require(document).contents, to: "\(directory)/network-config")
            _ = try await cloudInit.main([
                "devel", "net-convert", "--network-data", "\(directory)/network-config", "--kind", "yaml", "--output-kind",
                renderer,
                "--distro", "debian", "--mac", "eth0,02:00:00:0a:0b:0c", "--directory", "\(directory)/out",
            ])
            let out = "\(directory)/out/etc"
            return try read(
                renderer == "netplan" ? "\(out)/netplan/50-cloud-init.yaml" : "\(out)/systemd/network/10-cloud-init-eth0.network")
        }
    }

    @Test func netplanGetsAddressesBothDefaultRoutesAndNothingAutomatic() async throws {
        let yaml = try await render(bothFamilies, as: "netplan")
        struct Netplan: Decodable {
            struct Network: Decodable { var ethernets: [String: Card] }
            struct Match: Decodable { var macaddress: String }
            struct Route: Decodable, Equatable {
                var to, via: String
                var onLink: Bool?
                enum CodingKeys: String, CodingKey {
                    case to, via
                    case onLink = "on-link"
                }
            }
            struct NameServers: Decodable { var addresses: [String] }
            struct Card: Decodable {
                var match: Match
                var name: String
                var dhcp4, dhcp6, acceptRA: Bool
                var addresses: [String]
                var routes: [Route]
                var nameservers: NameServers
                enum CodingKeys: String, CodingKey {
                    case match, dhcp4, dhcp6, addresses, routes, nameservers
                    case name = "set-name"
                    case acceptRA = "accept-ra"
                }
            }
            var network: Network
        }
        let card = try #require(
            try decoded(Netplan.self, from: try await parsedByPyYAML(yaml)).network.ethernets["eth0"])
        #expect(card.match.macaddress == "02:00:00:0a:0b:0c")
        #expect(card.name == "eth0")
        #expect(!card.dhcp4 && !card.dhcp6 && !card.acceptRA)
        #expect(card.addresses == ["203.0.113.7/24", "2001:db8::7/64"])
        #expect(card.routes == [.init(to: "0.0.0.0/0", via: "203.0.113.1"), .init(to: "::/0", via: "fe80::1")])
        #expect(card.nameservers.addresses == ["192.0.2.53", "2001:db8::53"])
    }

    /// cloud-init before 23 writes the IPv6 default as ::/64 for networkd: such an image must ship netplan. The IPv4 one is right in all.
    @Test func networkdGetsBothGateways() async throws {
        let unit = try await render(bothFamilies, as: "networkd").split(separator: "\n")
        for line in ["Gateway=203.0.113.1", "Destination=0.0.0.0/0", "Gateway=fe80::1", "Address=2001:db8::7/64", "DHCP=no"] {
            #expect(unit.contains(Substring(line)), "\(line) is missing in \(unit)")
        }
    }

    @Test func oneFamilyAloneHasOneDefaultRoute() async throws {
        let sixOnly = AddressAssignment(bridge: "br0", addresses: [bothFamilies.addresses[1]], nameServers: ["2001:db8::53"])
        let yaml = try await render(sixOnly, as: "netplan")
        #expect(yaml.contains("::/0"))
        #expect(!yaml.contains("0.0.0.0/0"))
    }

    @Test(arguments: [
        (AssignedAddress.Family.v4, "203.0.113.7", 24, "203.0.113.1", false), (.v4, "203.0.113.7", 32, "203.0.113.1", true),
        (.v4, "203.0.113.7", 25, "203.0.113.127", false), (.v4, "203.0.113.7", 25, "203.0.113.128", true),
        (.v6, "2001:db8::7", 64, "2001:db8::1", false), (.v6, "2001:db8::7", 64, "2001:db8:0:1::1", true),
        (.v6, "2001:db8::7", 128, "fe80::1", false), (.v6, "2001:db8::7", 128, "2001:db8::1", true),
    ])
    func aGatewayOutsideTheNetworkIsSaidToBeOnTheLink(
        family: AssignedAddress.Family, ip: String, prefix: Int, gateway: String, onLink: Bool
    ) throws {
        let address = AssignedAddress(family: family, ip: ip, prefixLength: prefix, gateway: gateway)
        let network = AddressAssignment(bridge: "br0", addresses: [address], nameServers: [])
        #expect(try NetworkConfig.document(for: contents(network: network), over: [:]).contains("on-link: true") == onLink)
    }

    @Test(.enabled("this cloud-init has no schema for networks") { try await CloudInit.unpacked().knowsNetworkSchema() })
    func cloudInitsSchemaAcceptsTheNetwork() async throws {
        let cloudInit = try await CloudInit.unpacked()
        let files = try SeedTemplates.load(from: shippedTemplates).files(for: contents())
        let document = try #require(files.first { $0.name == "network-config" }).contents
        try await withDirectory { directory in
            try write(document, to: "\(directory)/good")
            try write(document + "routes: []\n", to: "\(directory)/bad")
            let arguments = ["schema", "--schema-type", "network-config", "--config-file"]
            _ = try await cloudInit.main(arguments + ["\(directory)/good"])
            await #expect(throws: CommandError.self) { try await cloudInit.main(arguments + ["\(directory)/bad"]) }
        }
    }

    @Test func twoAddressesBehindOneGatewayShareItsRoute() throws {
        var network = bothFamilies
        network.addresses.append(AssignedAddress(family: .v4, ip: "203.0.113.8", prefixLength: 24, gateway: "203.0.113.1"))
        let document = try NetworkConfig.document(for: contents(network: network), over: [:])
        #expect(document.split(separator: "\n").filter { $0.contains("0.0.0.0/0") }.count == 1)
        #expect(document.contains("203.0.113.8/24"))
    }

    @Test func aHostileAddressStaysText() async throws {
        var network = bothFamilies
        network.nameServers = hostileTexts
        let document = try NetworkConfig.document(for: contents(network: network), over: [:])
        struct Document: Decodable {
            struct Card: Decodable { var nameservers: [String: [String]] }
            var ethernets: [String: Card]
        }
        let read = try decoded(Document.self, from: try await parsedByPyYAML(document))
        #expect(read.ethernets["eth0"]?.nameservers == ["addresses": hostileTexts])
    }
}
