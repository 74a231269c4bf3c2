/// Memory, in units of 1,048,576 bytes.
package struct Mebibytes: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package let count: Int
    package init(_ count: Int) { self.count = count }
    package static func < (a: Self, b: Self) -> Bool { a.count < b.count }
    package var bytes: Int64 { Int64(count) << 20 }
    package var description: String { "\(count) MiB" }
    package init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }
}

/// A disk, in units of 1,073,741,824 bytes.
package struct Gibibytes: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package let count: Int
    package init(_ count: Int) { self.count = count }
    package static func < (a: Self, b: Self) -> Bool { a.count < b.count }
    package var bytes: Int64 { Int64(count) << 30 }
    package var description: String { "\(count) GiB" }
    package init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }
}

/// A network speed, in units of 1,000,000 bits per second.
package struct MegabitsPerSecond: Hashable, Sendable, Codable, Comparable, CustomStringConvertible {
    package let count: Int
    package init(_ count: Int) { self.count = count }
    package static func < (a: Self, b: Self) -> Bool { a.count < b.count }
    package var description: String { "\(count) Mbit/s" }
    package init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(count)
    }
}
