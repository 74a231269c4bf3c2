import HostalModel
import HostalNetwork
import HostalProvisioning
import Testing

@Suite struct GuestFirewallTests {
    private func with(_ body: (NetworkNamespace, GuestFirewall) async throws -> Void) async throws {
        try await NetworkNamespace.with { try await body($0, GuestFirewall(commandPrefix: $0.prefix)) }
    }

    @Test func `a card's entries are its MAC, its addresses and its link-local address`() async throws {
        try await with { _, firewall in
            try await firewall.admit(try card(1, addresses: ["203.0.113.7", "2001:db8:0::00:7"]))
            #expect(
                try await firewall.entries(of: TapName("vps-1")) == [
                    "firewall guest_ip4 203.0.113.7", "firewall guest_ip6 2001:db8::7", "firewall guest_ip6 fe80::ff:fe00:3",
                    "firewall guest_lla 0x20000000003", "firewall guest_mac 02:00:00:00:00:03",
                    "firewall guest_nd 0x20010db8000000000000000000000007",
                    "firewall guest_nd 0xfe80000000000000000000fffe000003",
                ])
        }
    }

    @Test func `admitting twice equals once, and changes nothing in the kernel`() async throws {
        try await with { namespace, firewall in
            try await firewall.admit(try card(1))
            let once = try await namespace.run("nft -a list table bridge hostal")
            try await firewall.admit(try card(1))
            try await firewall.install()
            #expect(try await namespace.run("nft -a list table bridge hostal") == once)
        }
    }

    @Test func `a card that changed loses its old entries, and other cards keep theirs`() async throws {
        try await with { _, firewall in
            try await firewall.admit(try card(1))
            try await firewall.admit(try card(2))
            let neighbour = try await firewall.entries(of: TapName("vps-2"))
            try await firewall.admit(try card(1, addresses: ["10.66.9.9"]))
            #expect(
                try await firewall.entries(of: TapName("vps-1")) == [
                    "firewall guest_ip4 10.66.9.9", "firewall guest_lla 0x20000000003", "firewall guest_mac 02:00:00:00:00:03",
                ])
            #expect(try await firewall.entries(of: TapName("vps-2")) == neighbour)
        }
    }

    @Test func `expelling twice equals once, also where the firewall was never set up`() async throws {
        try await with { namespace, firewall in
            try await firewall.expel(TapName("vps-1"))
            #expect(try await namespace.run("nft list ruleset") == "")
            try await firewall.admit(try card(1))
            try await firewall.admit(try card(11))
            try await firewall.expel(TapName("vps-1"))
            try await firewall.expel(TapName("vps-1"))
            #expect(try await firewall.entries(of: TapName("vps-1")).isEmpty)
            #expect(try await firewall.entries(of: TapName("vps-11")).count == 7)
        }
    }

    @Test func `another release's rules are replaced, and guests keep their entries`() async throws {
        try await with { namespace, firewall in
            try await firewall.admit(try card(1))
            let rules = try await namespace.run("nft -s list table bridge hostal")
            let entries = try await firewall.entries(of: TapName("vps-1"))
            try await namespace.run("nft flush chain bridge hostal version")
            try await namespace.run("nft insert rule bridge hostal guest accept")
            try await firewall.install()
            #expect(try await namespace.run("nft -s list table bridge hostal") == rules)
            #expect(try await firewall.entries(of: TapName("vps-1")) == entries)
        }
    }

    @Test func `an entry that somebody added by hand is found and taken away`() async throws {
        try await with { namespace, firewall in
            try await firewall.admit(try card(1))
            let added = "nft add element bridge hostal guest_ip4 { \"vps-1\" . 10.66.0.99 comment \"tried\" }"
            try await namespace.run(added)
            #expect(try await firewall.entries(of: TapName("vps-1")).contains("firewall guest_ip4 10.66.0.99"))
            try await firewall.admit(try card(1))
            #expect(try await !firewall.entries(of: TapName("vps-1")).contains("firewall guest_ip4 10.66.0.99"))
        }
    }

    @Test func `other tables stay as they are`() async throws {
        try await with { namespace, firewall in
            try await namespace.run("nft add table bridge somebody")
            try await namespace.run("nft add chain bridge somebody untouched")
            try await firewall.admit(try card(1))
            try await firewall.expel(TapName("vps-1"))
            #expect(try await namespace.run("nft list table bridge somebody").contains("chain untouched"))
        }
    }

    @Test(arguments: [
        "", "vps-", "vnet0", "vps-123456789012", "vps-A", "vps-1 ", "vps-*", "vps-1\" . 0 }\nflush ruleset\n", "vps-ü", "VPS-1",
        "-vps-1",
    ])
    func `no other tap name is accepted`(name: String) async throws {
        await refuses(.permanent, .invalidInput) { _ = try TapName(name) }
    }

    @Test func `the longest tap name is accepted`() throws {
        let name = try TapName("vps-12345678901")
        #expect(name.description.utf8.count == 15)
    }

    @Test(arguments: [
        "", "10.66.0", "10.66.0.1/24", "010.66.0.1", "0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
        "::ffff:10.66.0.1",
        "ff02::1", "fe80::1%eth0", "fd66::1 ", "10.66.0.1 }; flush ruleset", "10.66.0.1\0",
    ])
    func `no other address is accepted, and nothing is let in`(text: String) async throws {
        try await with { namespace, firewall in
            let card = try card(1, addresses: ["10.66.0.3", text])
            await refuses(.permanent, .invalidInput) { try await firewall.admit(card) }
            #expect(try await namespace.run("nft list ruleset") == "")
        }
    }

    @Test(arguments: ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"])
    func `no MAC is accepted that is not one card's`(text: String) async throws {
        try await with { _, firewall in
            var card = try card(1)
            card.mac = try #require(MACAddress(text))
            await refuses(.permanent, .invalidInput) { [card] in try await firewall.admit(card) }
        }
    }

    @Test func `a firewall that cannot be asked is never taken for an empty one`() async throws {
        let firewall = GuestFirewall(commandPrefix: ["ip", "netns", "exec", "hostal-test-absent"])
        await refuses(.temporary, .networkUnavailable) { try await firewall.expel(TapName("vps-1")) }
        await refuses(.temporary, .networkUnavailable) { _ = try await firewall.entries(of: TapName("vps-1")) }
        await refuses(.temporary, .networkUnavailable) { try await firewall.admit(try card(1)) }
    }
}
