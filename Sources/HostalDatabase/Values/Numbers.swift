extension PostgresCell {
    /// Any of PostgreSQL's integers, if the value fits.
    fileprivate func integer<T: FixedWidthInteger>(_: T.Type) throws(PostgresError) -> T {
        let bytes = try value(PostgresType.int8, PostgresType.int4, PostgresType.int2, PostgresType.oid, as: T.self)
        let wide: Int64? =
            switch type {
            case PostgresType.int8: bytes.bigEndian(Int64.self)
            case PostgresType.int4: bytes.bigEndian(Int32.self).map(Int64.init)
            case PostgresType.int2: bytes.bigEndian(Int16.self).map(Int64.init)
            default: bytes.bigEndian(UInt32.self).map(Int64.init)
            }
        guard let wide else { throw mismatch(T.self) }
        guard let number = T(exactly: wide) else {
            throw PostgresError("22003", "column '\(column)' does not fit into \(T.self)")
        }
        return number
    }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.int8 }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(bigEndian: self)
        return true
    }
    package init(_ cell: PostgresCell) throws(PostgresError) { self = try cell.integer(Int64.self) }
}

extension Int: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.int8 }
    package func encode(into bytes: inout [UInt8]) -> Bool { Int64(self).encode(into: &bytes) }
    package init(_ cell: PostgresCell) throws(PostgresError) { self = try cell.integer(Int.self) }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.int4 }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(bigEndian: self)
        return true
    }
    package init(_ cell: PostgresCell) throws(PostgresError) { self = try cell.integer(Int32.self) }
}

extension Double: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.float8 }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(bigEndian: bitPattern)
        return true
    }
    package init(_ cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.value(PostgresType.float8, PostgresType.float4, as: Double.self)
        if let bits = bytes.bigEndian(UInt64.self) {
            self.init(bitPattern: bits)
        } else if let bits = bytes.bigEndian(UInt32.self) {
            self.init(Float(bitPattern: bits))
        } else {
            throw cell.mismatch(Double.self)
        }
    }
}

extension Bool: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.bool }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(self ? 1 : 0)
        return true
    }
    package init(_ cell: PostgresCell) throws(PostgresError) {
        self = try cell.value(PostgresType.bool, as: Bool.self).first == 1
    }
}
