package import FoundationEssentials

/// A number that PostgreSQL gave out. Each kind is a type of its own, so that a server's number never lands in an order's place.
package protocol Identifier: Hashable, Sendable, Codable, CustomStringConvertible {
    init(_ value: Int64)
    var value: Int64 { get }
}

extension Identifier {
    package var description: String { String(value) }
    package init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(Int64.self)) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

package struct OrderID: Identifier {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}

package struct JobID: Identifier {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}

package struct ServerID: Identifier {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}

package struct HostID: Identifier {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}

package struct ImageID: Identifier {
    package let value: Int64
    package init(_ value: Int64) { self.value = value }
}

/// The libvirt UUID of a guest. It is chosen when the order is placed, never changes, and is the only proof of ownership that
/// a step accepts before it destroys anything.
package struct GuestID: Hashable, Sendable, Codable, CustomStringConvertible {
    package let uuid: UUID
    package init(_ uuid: UUID) { self.uuid = uuid }
    /// Lower case, as libvirt writes it.
    package var description: String { uuid.uuidString.lowercased() }
    package init(from decoder: any Decoder) throws { uuid = try decoder.singleValueContainer().decode(UUID.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
