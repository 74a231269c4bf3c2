package import FoundationEssentials
package import HostalModel

extension UUID: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.uuid }
    package func encode(into bytes: inout [UInt8]) -> Bool {
        withUnsafeBytes(of: uuid) { bytes.append(contentsOf: $0) }
        return true
    }
    package init(_ cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.value(PostgresType.uuid, as: UUID.self)
        guard bytes.count == 16 else { throw cell.mismatch(UUID.self) }
        self.init(uuid: bytes.withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) })
    }
}

extension GuestID: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.uuid }
    package func encode(into bytes: inout [UInt8]) -> Bool { uuid.encode(into: &bytes) }
    package init(_ cell: PostgresCell) throws(PostgresError) { self.init(try UUID(cell)) }
}

/// The model's numbered identifiers are bigints.
extension Identifier {
    package static var postgresType: UInt32 { PostgresType.int8 }
    package func encode(into bytes: inout [UInt8]) -> Bool { value.encode(into: &bytes) }
    package init(_ cell: PostgresCell) throws(PostgresError) { self.init(try Int64(cell)) }
    package static var postgresArrayType: UInt32 { PostgresType.int8Array }
}

extension OrderID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension JobID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension ServerID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension HostID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
extension ImageID: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}
