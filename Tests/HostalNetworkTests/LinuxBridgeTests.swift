import HostalModel
import HostalNetwork
import HostalProvisioning
import Testing

@Suite struct LinuxBridgeTests {
    private func with(_ body: (NetworkNamespace, LinuxBridge, BridgeName) async throws -> Void) async throws {
        try await NetworkNamespace.with { try await body($0, LinuxBridge(commandPrefix: $0.prefix), try BridgeName("br0")) }
    }

    @Test func `a bridge that is made is up, marked, has its addresses and no spanning tree`() async throws {
        try await with { namespace, bridge, name in
            try await bridge.create(name, addresses: [BridgeAddress("10.66.0.1/24"), BridgeAddress("fd66::1/64")])
            try await bridge.ensure(name)
            let shown = try await namespace.run("ip -d address show dev br0")
            for text in ["10.66.0.1/24", "fd66::1/64", "alias hostal", "stp_state 0"] { #expect(shown.contains(text), "\(text)") }
            #expect(try await namespace.run("sysctl -n net.bridge.bridge-nf-call-ip6tables") == "0\n")
        }
    }

    @Test func `making it twice equals once, and an address that was lost comes back`() async throws {
        try await with { namespace, bridge, name in
            let addresses = [try BridgeAddress("10.66.0.1/24")]
            try await bridge.create(name, addresses: addresses)
            let index = try await namespace.run("cat /sys/class/net/br0/ifindex")
            try await namespace.run("ip address delete 10.66.0.1/24 dev br0")
            try await namespace.run("ip address add 192.0.2.1/24 dev br0")
            try await bridge.create(name, addresses: addresses)
            let shown = try await namespace.run("ip address show dev br0")
            #expect(shown.contains("10.66.0.1/24"))
            #expect(shown.contains("192.0.2.1/24"))
            #expect(try await namespace.run("cat /sys/class/net/br0/ifindex") == index)
        }
    }

    @Test func `callers that make it at once get one bridge`() async throws {
        try await with { _, bridge, name in
            try await withThrowingTaskGroup { group in
                for _ in 0..<8 { group.addTask { try await bridge.create(name, addresses: [BridgeAddress("10.66.0.1/24")]) } }
                try await group.waitForAll()
            }
            try await bridge.ensure(name)
        }
    }

    @Test func `a link that is no bridge is neither used, changed nor removed`() async throws {
        try await with { namespace, bridge, name in
            try await namespace.run("ip link add name br0 type veth peer name other")
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.ensure(name) }
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.create(name, addresses: []) }
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.remove(name) }
            #expect(try await namespace.run("ip -d link show dev br0").contains("veth"))
        }
    }

    @Test func `a bridge that is missing or down is not available`() async throws {
        try await with { namespace, bridge, name in
            await refuses(.temporary, .networkUnavailable) { try await bridge.ensure(name) }
            try await namespace.run("ip link add name br0 type bridge")
            await refuses(.temporary, .networkUnavailable) { try await bridge.ensure(name) }
            try await namespace.run("ip link set dev br0 up")
            try await bridge.ensure(name)
        }
    }

    @Test func `a bridge that somebody else made learns nothing from guests' control frames`() async throws {
        try await with { namespace, bridge, name in
            try await namespace.run("ip link add name br0 up type bridge")
            try await bridge.ensure(name)
            try await bridge.ensure(name)
            let shown = try await namespace.run("ip -d link show dev br0")
            #expect(shown.contains("no_linklocal_learn 1"))
            #expect(!shown.contains("alias hostal"))
        }
    }

    @Test func `a bridge with a spanning tree that guests could join is not available`() async throws {
        try await with { namespace, bridge, name in
            try await namespace.run("ip link add name br0 up type bridge stp_state 1")
            await refuses(.temporary, .networkUnavailable) { try await bridge.ensure(name) }
            await refuses(.temporary, .networkUnavailable) { try await bridge.create(name, addresses: []) }
        }
    }

    @Test func `only a bridge that Hostal made is removed, and not while it has ports`() async throws {
        try await with { namespace, bridge, name in
            try await bridge.remove(name)
            try await namespace.run("ip link add name br0 type bridge")
            try await bridge.create(name, addresses: [])
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.remove(name) }
            try await namespace.run("ip link delete dev br0")

            try await bridge.create(name, addresses: [])
            try await namespace.plug("vps-1", into: "br0", farEnd: "guest")
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.remove(name) }
            try await namespace.run("ip link delete dev vps-1")
            try await bridge.remove(name)
            try await bridge.remove(name)
            await refuses(.temporary, .networkUnavailable) { try await bridge.ensure(name) }
        }
    }

    @Test func `only taps are removed by a tap's name`() async throws {
        try await with { namespace, bridge, _ in
            let tap = try TapName("vps-1")
            try await bridge.removeTap(tap)
            try await namespace.run("ip tuntap add dev vps-1 mode tap")
            #expect(try await bridge.hasLink(tap))
            try await bridge.removeTap(tap)
            #expect(try await !bridge.hasLink(tap))
            try await namespace.run("ip tuntap add dev vps-1 mode tun")
            await refuses(.needsOperator, .networkUnavailable) { try await bridge.removeTap(tap) }
            #expect(try await bridge.hasLink(tap))
        }
    }

    @Test func `links that cannot be asked about are never taken for absent`() async throws {
        let bridge = LinuxBridge(commandPrefix: ["ip", "netns", "exec", "hostal-test-absent"])
        await refuses(.temporary, .networkUnavailable) { try await bridge.remove(BridgeName("br0")) }
        await refuses(.temporary, .networkUnavailable) { try await bridge.removeTap(TapName("vps-1")) }
        await refuses(.temporary, .networkUnavailable) { _ = try await bridge.hasLink(TapName("vps-1")) }
    }

    @Test(arguments: ["", "-br", ".", "..", "br/0", "br 0", "br0\nlink delete dev eth0", "vps-1", "a-name-of-16-let"])
    func `no other bridge name is accepted`(name: String) async throws {
        await refuses(.permanent, .invalidInput) { _ = try BridgeName(name) }
    }

    @Test(arguments: [
        "", "10.66.0.1", "10.66.0.1/33", "10.66.0.1/0", "10.66.0.1/", "fd66::1/129", "0.0.0.0/0", "10.66.0.1/+8", "10.66.0.1/2/4",
    ])
    func `no other bridge address is accepted`(text: String) async throws {
        await refuses(.permanent, .invalidInput) { _ = try BridgeAddress(text) }
    }

    @Test func `addresses are written as the system writes them`() throws {
        #expect(try BridgeAddress("FD66:0::0001/128").description == "fd66::1/128")
        #expect(try BridgeAddress("10.66.0.1/32").description == "10.66.0.1/32")
    }
}
