package import FoundationEssentials

/// A type whose Swift arrays PostgreSQL understands: as an array of one dimension, except for bytes, which are a `bytea`.
package protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: UInt32 { get }
    static func encode(array: [Self], into bytes: inout [UInt8])
    static func array(from cell: PostgresCell) throws(PostgresError) -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package static var postgresType: UInt32 { Element.postgresArrayType }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        Element.encode(array: self, into: &bytes)
        return true
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package init(_ cell: PostgresCell) throws(PostgresError) { self = try Element.array(from: cell) }
}

extension Int64: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.int8Array }
}
extension Int: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.int8Array }
}
extension Int32: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.int4Array }
}
extension Bool: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.boolArray }
}
extension String: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.textArray }
}
extension UUID: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.uuidArray }
}

extension UInt8: PostgresArrayElement {
    package static var postgresArrayType: UInt32 { PostgresType.bytea }
    package static func encode(array: [UInt8], into bytes: inout [UInt8]) { bytes += array }
    package static func array(from cell: PostgresCell) throws(PostgresError) -> [UInt8] {
        Array(try cell.value(PostgresType.bytea, as: [UInt8].self))
    }
}

/// The binary array: dimensions, has NULLs, element type, then for each dimension its count and lower bound, then length and bytes of
/// each element.
extension PostgresArrayElement where Self: PostgresEncodable {
    package static func encode(array: [Self], into bytes: inout [UInt8]) {
        bytes.append(bigEndian: Int32(array.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(0))
        bytes.append(bigEndian: postgresType)
        guard !array.isEmpty else { return }
        bytes.append(bigEndian: Int32(clamping: array.count))
        bytes.append(bigEndian: Int32(1))
        for element in array {
            let start = bytes.count
            bytes.append(bigEndian: Int32(0))
            _ = element.encode(into: &bytes)
            let length = Int32(clamping: bytes.count - start - 4)
            withUnsafeBytes(of: length.bigEndian) { bytes.replaceSubrange(start..<start + 4, with: $0) }
        }
    }
}

extension PostgresArrayElement where Self: PostgresDecodable {
    package static func array(from cell: PostgresCell) throws(PostgresError) -> [Self] {
        var rest = try cell.notNull()
        func number() throws(PostgresError) -> Int32 {
            guard let number = rest.prefix(4).bigEndian(Int32.self) else { throw cell.mismatch([Self].self) }
            rest = rest.dropFirst(4)
            return number
        }
        let dimensions = try number()
        _ = try number()
        let elementType = UInt32(bitPattern: try number())
        guard PostgresType.isArray(cell.type), dimensions <= 1 else { throw cell.mismatch([Self].self) }
        guard dimensions == 1 else { return [] }
        let count = try number()
        _ = try number()
        var elements: [Self] = []
        for _ in 0..<count {
            let length = try number()
            guard length >= 0 else { throw PostgresError("22002", "array '\(cell.column)' contains NULL") }
            guard rest.count >= Int(length) else { throw cell.mismatch([Self].self) }
            elements.append(try Self(PostgresCell(bytes: rest.prefix(Int(length)), type: elementType, column: cell.column)))
            rest = rest.dropFirst(Int(length))
        }
        return elements
    }
}
