import HostalModel
import HostalProvisioning

/// A tap's name that may stand in a firewall rule: `vps-` and 1 to 11 lower-case letters, digits or hyphens.
package struct TapName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Throws a permanent `invalidInput`.
    package init(_ text: String) throws {
        let own = text.dropFirst(GuestNames.tapPrefix.count).utf8
        guard text.hasPrefix(GuestNames.tapPrefix), (1...11).contains(own.count),
            own.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 })
        else {
            throw Failure.notANetworkValue("tap name", text, accepted: "'vps-' and 1 to 11 of a-z, 0-9 and '-'")
        }
        description = text
    }
}

/// A bridge's name: 1 to 15 letters, digits, `_`, `.` or `-`, the first a letter or digit, and not a tap's: the firewall would take it for one.
package struct BridgeName: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Throws a permanent `invalidInput`.
    package init(_ text: String) throws {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
        }
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 15, !text.hasPrefix(GuestNames.tapPrefix),
            text.utf8.allSatisfy({ isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 })
        else {
            throw Failure.notANetworkValue(
                "bridge name", text, accepted: "1 to 15 letters, digits, '_', '.' or '-', not starting with 'vps-'")
        }
        description = text
    }
}
