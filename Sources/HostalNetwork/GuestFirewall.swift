package import HostalProvisioning
import HostalSystem

/// Which frames guests may send: the guard's rules and their elements, in the kernel's table `bridge hostal`.
///
/// Default deny: a tap `vps-*` without entries passes nothing. Each change is one transaction of the kernel's, so any number of tasks and
/// processes may change different taps at once; of two that change the same tap, the one that comes last decides. Needs CAP_NET_ADMIN.
package struct GuestFirewall: Sendable {
    private let tools: NetworkTools
    /// How often a change is planned anew because somebody else changed the same entries in between.
    static let attempts = 4

    package init(commandPrefix: [String] = []) {
        tools = NetworkTools(prefix: commandPrefix)
    }

    /// Loads the rules unless these very ones are loaded. Running guests keep their entries and their traffic.
    package func install() async throws {
        try await change("set up the guests' firewall") { _ in "" }
    }

    /// Makes the tap's entries exactly these, and loads the rules where they are missing or another release's.
    package func admit(_ interface: GuestInterface) async throws {
        let tap = try TapName(interface.tap)
        let wanted = try FirewallEntry.all(for: interface)
        try await change("let a network card's traffic pass") { state in
            let present = state.entries(of: tap)
            return script("delete", present.subtracting(wanted)) + script("add", wanted.subtracting(present))
        }
    }

    /// Takes all of the tap's entries away: nothing it sends passes any more. None there is success.
    package func expel(_ tap: TapName) async throws {
        try await change("close a network card's traffic", installs: false) { script("delete", $0.entries(of: tap)) }
    }

    /// The tap's entries, as `firewall guest_ip4 203.0.113.7`.
    package func entries(of tap: TapName) async throws -> [String] {
        try await naming("read the guests' firewall") {
            try await state().entries(of: tap).sorted().map { "firewall \($0.set) \($0.value)" }
        }
    }

    private func script(_ verb: String, _ entries: Set<FirewallEntry>) -> String {
        entries.sorted().map { "\(verb) \($0.element)\n" }.joined()
    }

    /// Reads, plans and applies; again when that fails, for a plan made from an old reading deletes what is gone.
    private func change(_ action: String, installs: Bool = true, plan: (FirewallState) -> String) async throws {
        try await naming(action) {
            for attempt in 1...Self.attempts {
                let state = try await state()
                let rules = installs && state.version != GuardRules.version ? GuardRules.script : ""
                let script = rules + plan(state)
                do {
                    if !script.isEmpty { try await tools.nft(script) }
                    return
                } catch is CommandError where attempt < Self.attempts {
                    continue
                }
            }
        }
    }

    private func state() async throws -> FirewallState {
        do {
            return try FirewallState(json: try await tools.run(["nft", "-j", "list", "table", "bridge", GuardRules.table]))
        } catch let error as CommandError where error.saysNoSuchTable {
            return FirewallState()
        }
    }
}
