import Glibc
package import HostalProvisioning

/// Bound as `text`. Read from text, varchar, char, name, "char", json, jsonb, xml, enums, inet, cidr and macaddr, as `::text` would print
/// them. PostgreSQL refuses a NUL character with 22021.
extension String: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.text }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(contentsOf: utf8)
        return true
    }

    package init(_ cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.notNull()
        switch cell.type {
        case PostgresType.text, PostgresType.varchar, PostgresType.bpchar, PostgresType.name, PostgresType.char,
            PostgresType.unknown,
            PostgresType.json, PostgresType.xml, PostgresType.firstOwn...:
            self.init(decoding: bytes, as: UTF8.self)
        case PostgresType.jsonb:
            self = try JSONText(cell).text
        case PostgresType.macaddr:
            self = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        case PostgresType.inet, PostgresType.cidr:
            guard let text = networkAddress(Array(bytes)) else { throw cell.mismatch(String.self) }
            self = text
        default:
            throw cell.mismatch(String.self)
        }
    }
}

/// PostgreSQL's binary inet: family (2 is IPv4, 3 is IPv6), prefix length, is cidr, size, address.
private func networkAddress(_ bytes: [UInt8]) -> String? {
    guard bytes.count >= 4, bytes.count == 4 + Int(bytes[3]) else { return nil }
    let isIPv4 = bytes[0] == 2
    guard bytes[3] == (isIPv4 ? 4 : 16) else { return nil }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let done = bytes.withUnsafeBytes { raw in
        inet_ntop(isIPv4 ? AF_INET : AF_INET6, raw.baseAddress?.advanced(by: 4), &text, socklen_t(INET6_ADDRSTRLEN)) != nil
    }
    guard done else { return nil }
    let address = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let isWholeAddress = bytes[1] == (isIPv4 ? 32 : 128) && bytes[2] == 0
    return isWholeAddress ? address : "\(address)/\(bytes[1])"
}

/// Bound as `jsonb`, read from `json` and `jsonb`.
extension JSONText: PostgresEncodable, PostgresDecodable {
    package static var postgresType: UInt32 { PostgresType.jsonb }
    /// The first byte of a binary jsonb; the rest is text.
    private static var version: UInt8 { 1 }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(Self.version)
        return text.encode(into: &bytes)
    }

    package init(_ cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.value(PostgresType.json, PostgresType.jsonb, as: JSONText.self)
        self.init(text: String(decoding: cell.type == PostgresType.jsonb ? bytes.dropFirst() : bytes, as: UTF8.self))
    }
}
