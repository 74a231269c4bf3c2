package import HostalModel

/// Whose a domain is: Hostal's element in the domain's `<metadata>`. A domain without it is not ours and is never touched.
package struct GuestMark: Hashable, Sendable {
    package static let namespace = "urn:hostal:guest:1"

    package var server: ServerID
    package var order: OrderID
    package var epoch: Int64
    /// Of the whole document without this mark: tells an equal definition from another.
    package var checksum: UInt64

    package init(server: ServerID, order: OrderID, epoch: Int64, checksum: UInt64) {
        self.server = server
        self.order = order
        self.epoch = epoch
        self.checksum = checksum
    }

    /// Reads the element as libvirt writes it; nil when a number is missing, so that it is nobody's of ours.
    package init?(element: String) {
        func number(_ name: String) -> Substring? {
            element.firstRange(of: " \(name)=\"").map { element[$0.upperBound...].prefix { $0 != "\"" } }
        }
        guard let server = number("server").flatMap({ Int64($0) }), let order = number("order").flatMap({ Int64($0) }),
            let epoch = number("epoch").flatMap({ Int64($0) }),
            let checksum = number("checksum").flatMap({ UInt64($0, radix: 16) })
        else { return nil }
        self.init(server: ServerID(server), order: OrderID(order), epoch: epoch, checksum: checksum)
    }

    var element: XMLElement {
        XMLElement(
            "hostal:guest",
            [
                "xmlns:hostal": Self.namespace, "server": "\(server)", "order": "\(order)", "epoch": "\(epoch)",
                "checksum": String(checksum, radix: 16),
            ])
    }

    /// FNV-1a, 64 bits: tells documents apart that we wrote ourselves; no protection against forgery is asked of it.
    static func checksum(of text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
