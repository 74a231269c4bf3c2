/// Where an API is: its root, with the version.
package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// `https://api.example.net/v1`, without a slash at the end.
    package let root: String
    package var description: String { root }

    package struct Refused: Error, Sendable, Hashable, CustomStringConvertible {
        package var address: String
        package var reason: String
        package var description: String { "cannot use the endpoint '\(address)': \(reason)" }
    }

    /// The longest address that is accepted, in bytes.
    static let lengthLimit = 2_048

    /// An address without a path gets `/v1`. Plain HTTP would show the token to everybody on the way, so it is accepted for this machine only,
    /// or where `allowingPlainHTTP` says that somebody means it.
    package init(_ address: String, allowingPlainHTTP: Bool = false) throws(Refused) {
        func refusal(_ reason: String) -> Refused { Refused(address: address, reason: reason) }
        guard address.utf8.count <= Self.lengthLimit, address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw refusal("it must be an address such as https://api.example.net")
        }
        let scheme = address.prefix { $0 != ":" }.lowercased()
        guard scheme == "https" || scheme == "http", address.dropFirst(scheme.count).hasPrefix("://") else {
            throw refusal("it must start with https://")
        }
        let rest = address.dropFirst(scheme.count + 3)
        guard !rest.contains(where: { "?#@".contains($0) }) else { throw refusal("it must have no user, query or fragment") }
        let authority = rest.prefix { $0 != "/" }
        guard !authority.isEmpty else { throw refusal("it names no host") }
        guard scheme == "https" || allowingPlainHTTP || Self.isThisMachine(authority) else {
            throw refusal("the token would travel unencrypted; use https://, or set HOSTAL_ALLOW_HTTP=1 if nobody listens")
        }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        root = "\(scheme)://\(authority)\(path.isEmpty ? "/v1" : path)"
    }

    private static func isThisMachine(_ authority: Substring) -> Bool {
        if authority.hasPrefix("[::1]") { return true }
        let host = authority.prefix { $0 != ":" }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return host.lowercased() == "localhost"
            || (parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil })
    }
}
