/// A value that can be bound to a statement, always in PostgreSQL's binary format.
package protocol PostgresEncodable: Sendable {
    /// The number of its PostgreSQL type, from `pg_type`.
    static var postgresType: UInt32 { get }
    /// Appends the value; false means NULL, and then nothing was appended.
    func encode(into bytes: inout [UInt8]) -> Bool
}

/// A value that can be read from a result.
package protocol PostgresDecodable: Sendable {
    /// Throws 22002 for an unexpected NULL, 42804 when the column has another type, 22003 when the value does not fit.
    init(_ cell: PostgresCell) throws(PostgresError)
}

/// Numbers from `pg_type` that are the same in every PostgreSQL.
enum PostgresType {
    static let bool: UInt32 = 16, bytea: UInt32 = 17, char: UInt32 = 18, name: UInt32 = 19
    static let int8: UInt32 = 20, int2: UInt32 = 21, int4: UInt32 = 23, text: UInt32 = 25, oid: UInt32 = 26
    static let json: UInt32 = 114, xml: UInt32 = 142, jsonb: UInt32 = 3802
    static let float4: UInt32 = 700, float8: UInt32 = 701, unknown: UInt32 = 705
    static let cidr: UInt32 = 650, macaddr: UInt32 = 829, inet: UInt32 = 869
    static let bpchar: UInt32 = 1042, varchar: UInt32 = 1043
    static let timestamptz: UInt32 = 1184, interval: UInt32 = 1186, uuid: UInt32 = 2950
    static let boolArray: UInt32 = 1000, int4Array: UInt32 = 1007, textArray: UInt32 = 1009, int8Array: UInt32 = 1016
    static let uuidArray: UInt32 = 2951
    /// Types that a database defined itself (enums) are numbered from here.
    static let firstOwn: UInt32 = 16384

    /// Arrays of what we read, of enums too: text whose first bytes look like an array must not be taken for one.
    static func isArray(_ type: UInt32) -> Bool {
        switch type {
        case 199, 1000...1028, 1040, 1041, 1185, 2951, 3807, firstOwn...: true
        default: false
        }
    }
}

/// One field of a result, as PostgreSQL sent it in its binary format.
package struct PostgresCell: Sendable {
    /// Nil for NULL.
    let bytes: ArraySlice<UInt8>?
    let type: UInt32
    let column: String

    /// Throws 22002 for NULL and 42804 unless the column's type is one of `types`.
    func value(_ types: UInt32..., as swiftType: Any.Type) throws(PostgresError) -> ArraySlice<UInt8> {
        guard types.contains(type) else { throw mismatch(swiftType) }
        return try notNull()
    }

    func notNull() throws(PostgresError) -> ArraySlice<UInt8> {
        guard let bytes else { throw PostgresError("22002", "column '\(column)' is NULL: decode an Optional") }
        return bytes
    }

    func mismatch(_ swiftType: Any.Type) -> PostgresError {
        PostgresError(
            "42804", "column '\(column)' has PostgreSQL type \(type), which is not read as \(swiftType): cast it in SQL")
    }
}

extension [UInt8] {
    mutating func append(bigEndian number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}

extension ArraySlice<UInt8> {
    /// The number that the whole slice is, most significant byte first; nil if it has another size.
    func bigEndian<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        guard count == T.bitWidth / 8 else { return nil }
        return withUnsafeBytes { T(bigEndian: $0.loadUnaligned(as: T.self)) }
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package static var postgresType: UInt32 { Wrapped.postgresType }
    package func encode(into bytes: inout [UInt8]) -> Bool { self?.encode(into: &bytes) ?? false }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package init(_ cell: PostgresCell) throws(PostgresError) {
        self = cell.bytes == nil ? nil : try Wrapped(cell)
    }
}
