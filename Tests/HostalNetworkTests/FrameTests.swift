import FoundationEssentials
import HostalModel
import HostalNetwork
import HostalProvisioning
import HostalSystem
import Testing

/// Raw frames from a guest's card, counted at another guest's. `Tests/Fixtures/frames.py` builds, sends and counts them.
@Suite struct FrameTests {
    static let copies = 5
    /// Frames of the table that a guest may send. All others must not arrive.
    static let own: Set = [
        "IPv4", "IPv4 UDP", "IPv4 with options", "IPv4 first fragment", "IPv4 later fragment", "IGMP report", "IPv6",
        "IPv6 from its link-local address", "IPv6 UDP", "IPv6 behind hop-by-hop options", "IPv6 first fragment",
        "IPv6 later fragment", "IPv6 fragment of an echo", "ARP request", "ARP reply", "ARP announcement",
        "ARP probe for its own address", "NS", "NS without option", "NA", "NA of its link-local address",
        "NS to detect a duplicate", "NS to detect a duplicate, nonce", "RS", "RS without option", "MLD report",
        "MLD report from ::",
    ]
    /// The fewest frames of somebody else's that the table must hold: a table that lost them would prove nothing.
    static let fewestForged = 70
    static let patience = Duration.seconds(30)

    @Test func `a guest sends what is its own and nothing else`() async throws {
        try await Link.with(port: "vps-a") { link in
            try await link.network.attach(link.attacker)
            let delivered = try await link.frames("all", as: [String: Int].self)
            #expect(Self.own.isSubset(of: delivered.keys))
            #expect(delivered.count >= Self.own.count + Self.fewestForged)
            for (name, count) in delivered {
                #expect(count == (Self.own.contains(name) ? Self.copies : 0), "\(name)")
            }
        }
    }

    /// The control: each frame of the table does arrive where nothing guards the port.
    @Test func `every one of these frames would arrive from an unguarded port`() async throws {
        try await Link.with(port: "lan-a") { link in
            for (name, count) in try await link.frames("all", as: [String: Int].self) { #expect(count == Self.copies, "\(name)") }
        }
    }

    @Test func `a tap without entries passes nothing, before it is attached and after it is detached`() async throws {
        try await Link.with(port: "vps-a") { link in
            #expect(try await link.frames("all", as: [String: Int].self).allSatisfy { $0.value == 0 })
            try await link.network.attach(link.attacker)
            #expect(try await link.frames("all", as: [String: Int].self)["IPv4"] == Self.copies)
            // It is a veth, so the second half of detaching refuses it; its entries are gone by then.
            await refuses(.needsOperator, .networkUnavailable) { try await link.network.detach(tap: "vps-a") }
            #expect(try await link.frames("all", as: [String: Int].self).allSatisfy { $0.value == 0 })
        }
    }

    @Test func `another guest's entries let nothing pass on this tap`() async throws {
        try await Link.with(port: "vps-a") { link in
            var other = link.attacker
            other.tap = "vps-ab"
            try await link.network.attach(other)
            #expect(try await link.frames("all", as: [String: Int].self).allSatisfy { $0.value == 0 })
        }
    }

    @Test func `a guest with IPv4 only sends no IPv6, not even from its link-local address`() async throws {
        try await Link.with(port: "vps-a") { link in
            var card = link.attacker
            card.addresses = card.addresses.filter { !$0.contains(":") }
            try await link.network.attach(card)
            let delivered = try await link.frames("all", as: [String: Int].self)
            #expect(delivered["IPv4"] == Self.copies)
            for name in ["IPv6", "IPv6 from its link-local address", "NS", "NA", "NS to detect a duplicate"] {
                #expect(delivered[name] == 0)
            }
        }
    }

    /// Who teaches the bridge his neighbour's MAC gets his neighbour's frames. No filter sees those to 01:80:c2:00:00:0e.
    @Test func `the bridge learns no forged MAC from a guest's control frames`() async throws {
        try await Link.with(port: "vps-a") { link in
            try await link.namespace.run("ip link set dev br0 type bridge no_linklocal_learn 0")
            #expect(try await link.learned() == ["02:00:00:00:00:7e"], "the control: an open bridge learns it")
            try await link.namespace.run("bridge fdb delete 02:00:00:00:00:7e dev vps-a master")
            try await link.network.attach(link.attacker)
            #expect(try await link.learned().isEmpty)
        }
    }

    @Test func `rules and entries that are replaced while frames flow lose no true one and pass no forged one`() async throws {
        try await Link.with(port: "vps-a") { link in
            let directory = FileManager.default.temporaryDirectory.path + "/\(link.namespace.name)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try await link.network.attach(link.attacker)
            var wider = link.attacker
            wider.addresses.append("10.66.0.13")

            async let flow = link.frames("flow", directory, as: [String: Int].self)
            let deadline = ContinuousClock.now + Self.patience
            while !FileManager.default.fileExists(atPath: directory + "/started") {
                try #require(ContinuousClock.now < deadline, "no frame was sent")
                try await Task.sleep(for: .milliseconds(5))
            }
            for _ in 0..<10 {
                try await link.network.attach(wider)
                // Rules without their version are another release's: they are replaced.
                try await link.namespace.run("nft flush chain bridge hostal version")
                try await link.network.attach(link.attacker)
            }
            try Data().write(to: URL(filePath: directory + "/stop"))
            let counts = try await flow
            #expect(counts["sent", default: 0] > 100)
            #expect(counts["true"] == counts["sent"])
            #expect(counts["forged"] == 0)
        }
    }
}

/// A hostile guest, its victim and an uplink on one bridge.
private struct Link: Sendable {
    let namespace: NetworkNamespace
    let network: BridgedNetwork
    let attacker: GuestInterface

    static func with(port: String, _ body: (Link) async throws -> Void) async throws {
        try await NetworkNamespace.with { namespace in
            let network = BridgedNetwork(creating: [try BridgeName("br0"): []], commandPrefix: namespace.prefix)
            try await network.prepare()
            try await namespace.plug(port, into: "br0", farEnd: "guest-a")
            try await namespace.plug("vps-b", into: "br0", farEnd: "guest-b")
            try await namespace.plug("lan-u", into: "br0", farEnd: "uplink")
            let attacker = GuestInterface(
                tap: port.hasPrefix("vps-") ? port : "vps-other", mac: try #require(MACAddress("02:00:00:00:00:0a")),
                bridge: "br0",
                addresses: ["10.66.0.11", "fd66::11"])
            try await body(Link(namespace: namespace, network: network, attacker: attacker))
        }
    }

    /// The forged MACs that the bridge takes for the guest's after its control frames.
    func learned() async throws -> [String] {
        _ = try await frames("control", as: [String: Int].self)
        return try await namespace.run("bridge fdb show br br0").split(separator: "\n")
            .compactMap { $0.split(separator: " ").first.map(String.init) }.filter { $0.hasPrefix("02:00:00:00:00:7") }
    }

    func frames<Counts: Decodable>(_ mode: String, _ rest: String..., as: Counts.Type) async throws -> Counts {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
            path: "Fixtures/frames.py")
        let words = ["python3", fixture.path, mode, "guest-a", "guest-b", "uplink"] + rest
        return try JSONDecoder().decode(Counts.self, from: Data(try await namespace.run(words).utf8))
    }
}
