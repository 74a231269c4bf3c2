import HostalModel
import HostalNetwork
import HostalProvisioning
import Testing

@Suite struct BridgedNetworkTests {
    static let guests = 200
    static let tasks = 8

    private func with(_ body: (NetworkNamespace, BridgedNetwork) async throws -> Void) async throws {
        try await NetworkNamespace.with { namespace in
            let network = BridgedNetwork(creating: [try BridgeName("br0"): []], commandPrefix: namespace.prefix)
            try await network.prepare()
            try await body(namespace, network)
        }
    }

    /// Runs `body` for every guest, from several tasks at once.
    private func forEachGuest(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            for task in 0..<Self.tasks {
                group.addTask { for guest in stride(from: task, to: Self.guests, by: Self.tasks) { try await body(guest) } }
            }
            try await group.waitForAll()
        }
    }

    private func expectRemains(of network: BridgedNetwork, _ count: @escaping @Sendable (Int) -> Int) async throws {
        try await forEachGuest { guest in
            let remains = try await network.remains(of: "vps-\(guest)")
            #expect(remains.count == count(guest), "guest \(guest): \(remains)")
        }
    }

    @Test func `attaching and detaching twice equals once, and nothing remains`() async throws {
        try await with { namespace, network in
            #expect(try await network.remains(of: "vps-1").isEmpty)
            try await network.attach(try card(1))
            let once = try await network.remains(of: "vps-1")
            #expect(once.count == 7)
            try await network.attach(try card(1))
            #expect(try await network.remains(of: "vps-1") == once)

            try await namespace.run("ip tuntap add dev vps-1 mode tap")
            #expect(try await network.remains(of: "vps-1") == once + ["link vps-1"])
            try await network.detach(tap: "vps-1")
            #expect(try await network.remains(of: "vps-1").isEmpty)
            try await network.detach(tap: "vps-1")
        }
    }

    @Test func `a host is made ready twice as well as once, with guests running`() async throws {
        try await with { _, network in
            try await network.attach(try card(1))
            try await network.prepare()
            #expect(try await network.remains(of: "vps-1").count == 7)
        }
    }

    @Test func `a bridge that is not there is not made unasked, and nothing is let in`() async throws {
        try await with { namespace, network in
            let elsewhere = try card(1, bridge: "br1")
            await refuses(.temporary, .networkUnavailable) { try await network.attach(elsewhere) }
            #expect(try await network.remains(of: "vps-1").isEmpty)
            try await namespace.run("ip link add name br1 up type bridge")
            try await network.attach(elsewhere)
        }
    }

    @Test func `names that are no tap's are refused everywhere`() async throws {
        try await with { _, network in
            var card = try card(1)
            card.tap = "eth0"
            await refuses(.permanent, .invalidInput) { [card] in try await network.attach(card) }
            await refuses(.permanent, .invalidInput) { try await network.detach(tap: "eth0") }
            await refuses(.permanent, .invalidInput) { _ = try await network.remains(of: "eth0") }
        }
    }

    @Test func `two hundred guests come, change and go at once, and none loses an entry or leaves one`() async throws {
        try await with { namespace, network in
            try await forEachGuest { try await network.attach(try card($0)) }
            let entries = try await namespace.run("nft list table bridge hostal").split(separator: "\"vps-").count - 1
            #expect(entries == Self.guests * 7 + 2, "two are the rules' own vps-*")
            try await forEachGuest { guest in
                if guest.isMultiple(of: 2) {
                    try await network.detach(tap: "vps-\(guest)")
                } else {
                    try await network.attach(try card(guest, addresses: ["10.67.0.\(guest)"]))
                }
            }
            try await expectRemains(of: network) { $0.isMultiple(of: 2) ? 0 : 3 }
            try await forEachGuest { try await network.detach(tap: "vps-\($0)") }
            try await expectRemains(of: network) { _ in 0 }
        }
    }

    @Test func `callers that attach and detach one card at once all succeed, and the last decides`() async throws {
        try await with { _, network in
            try await withThrowingTaskGroup { group in
                for caller in 0..<Self.tasks {
                    group.addTask {
                        if caller.isMultiple(of: 2) {
                            try await network.attach(try card(1))
                        } else {
                            try await network.detach(tap: "vps-1")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await network.attach(try card(1))
            #expect(try await network.remains(of: "vps-1").count == 7)
        }
    }
}
