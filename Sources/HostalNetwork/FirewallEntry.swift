import HostalModel
import HostalProvisioning

/// One element of one of the guard's sets: this tap may send this. Both texts are ours and safe to stand in an nft script.
struct FirewallEntry: Hashable, Sendable, Comparable {
    let set: String
    let tap: String
    /// As nft lists it: a MAC, an address, or a number in hexadecimal without leading zeros.
    let value: String

    var element: String { "element bridge hostal \(set) { \"\(tap)\" . \(value) }" }

    static func < (a: Self, b: Self) -> Bool { (a.set, a.tap, a.value) < (b.set, b.tap, b.value) }

    /// Everything that the guest behind `interface` may send as. One that has an IPv6 address also has its card's link-local one.
    /// Throws a permanent `invalidInput` for anything that does not belong to one machine.
    static func all(for interface: GuestInterface) throws -> Set<FirewallEntry> {
        let tap = try TapName(interface.tap).description
        let mac = interface.mac.octets
        guard mac[0] & 1 == 0, mac.contains(where: { $0 != 0 }) else {
            throw Failure.notANetworkValue("MAC", interface.mac.description, accepted: "the address of one card")
        }
        var addresses = try Set(
            interface.addresses.map { text in
                guard let address = InternetAddress(text), address.isHostAddress else {
                    throw Failure.notANetworkValue("address", text, accepted: "an IPv4 or IPv6 address of one machine")
                }
                return address
            })
        if addresses.contains(where: \.isV6) { addresses.insert(InternetAddress(linkLocalOf: mac)) }

        var entries: Set = [
            FirewallEntry(set: "guest_mac", tap: tap, value: interface.mac.description),
            FirewallEntry(set: "guest_lla", tap: tap, value: hexadecimal(mac)),
        ]
        for address in addresses {
            entries.insert(FirewallEntry(set: address.isV6 ? "guest_ip6" : "guest_ip4", tap: tap, value: address.description))
            if address.isV6 { entries.insert(FirewallEntry(set: "guest_nd", tap: tap, value: hexadecimal(address.bytes))) }
        }
        return entries
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "0x" + digits.drop { $0 == "0" }
    }
}
