import Glibc
import HostalProvisioning

/// An IPv4 or IPv6 address: 4 or 16 bytes, in network order.
package struct InternetAddress: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Nil unless the system reads all of `text` as one address, without prefix length or zone.
    package init?(_ text: String) {
        for (family, length) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: length)
            if !text.utf8.contains(0), inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    init(v6 bytes: [UInt8]) {
        precondition(bytes.count == 16, "an IPv6 address has 16 bytes, not \(bytes.count)")
        self.bytes = bytes
    }

    /// The address that a card gives itself on its link: fe80::/64 and its MAC (RFC 4291, appendix A).
    init(linkLocalOf mac: [UInt8]) {
        self.init(v6: [0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]])
    }

    package var isV6: Bool { bytes.count == 16 }

    /// Whether one machine can have it as its own: not multicast or broadcast, not loopback, and none of 0.0.0.0/8 and ::/8, where the
    /// unspecified address lies and IPv4 in the dress of IPv6.
    package var isHostAddress: Bool {
        isV6 ? bytes[0] != 0 && bytes[0] != 0xff : bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224
    }

    /// As the system writes it, which is how nft lists it.
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(isV6 ? AF_INET6 : AF_INET, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// An address of the host's own on a bridge, with its network: `10.66.0.1/24`, `fd66::1/64`.
package struct BridgeAddress: Hashable, Sendable, CustomStringConvertible {
    package let address: InternetAddress
    package let prefixLength: Int

    /// Throws a permanent `invalidInput` unless `text` is an address, a slash and a length of 1 to 32 or 128.
    package init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = InternetAddress(String(parts[0])), address.isHostAddress,
            parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = Int(parts[1]),
            (1...(address.bytes.count * 8)).contains(length)
        else {
            throw Failure.notANetworkValue("bridge address", text, accepted: "an address with its prefix length, as 10.66.0.1/24")
        }
        self.address = address
        prefixLength = length
    }

    package var description: String { "\(address)/\(prefixLength)" }
}
