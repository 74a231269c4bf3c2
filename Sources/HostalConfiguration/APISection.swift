/// `api:` in `hostald.yaml`: the customers' API (docs/settings.md).
package struct APISection: Sendable, Hashable {
    package var address: String
    package var port: Int
    package var requestsPerHour: Int
    /// ISO 4217.
    package var currency: String
    /// PEM files, absolute paths; both or neither.
    package var certificate: String?
    package var key: String?

    private static let fields = ["listen", "requests_per_hour", "currency", "tls_certificate", "tls_key"]

    init(_ document: Document) throws(ConfigurationError) {
        try document.refuseUnknown(Self.fields)
        let listen = try document.text("listen", "127.0.0.1:8080")
        guard let match = listen.wholeMatch(of: /(?<address>[0-9.]{7,15}|\[[0-9a-fA-F:.]{2,45}\]):(?<port>[0-9]{1,5})/),
            let port = Int(match.port), port <= 65_535
        else {
            throw document.error("listen", "must be an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"")
        }
        address = String(match.address.filter { $0 != "[" && $0 != "]" })
        self.port = port
        requestsPerHour = try document.integer("requests_per_hour", in: 1...10_000_000, 3_600)
        currency = try document.text("currency", "EUR")
        guard currency.wholeMatch(of: /[A-Z]{3}/) != nil else {
            throw document.error("currency", "must be three capital letters, as in ISO 4217")
        }
        certificate = try Self.path("tls_certificate", document)
        key = try Self.path("tls_key", document)
        guard (certificate == nil) == (key == nil) else {
            throw document.error(
                certificate == nil ? "tls_key" : "tls_certificate",
                "needs the other one: give 'tls_certificate' and 'tls_key', or neither"
            )
        }
    }

    private static func path(_ field: String, _ document: Document) throws(ConfigurationError) -> String? {
        guard document.has(field) else { return nil }
        let path = try document.text(field)
        guard path.hasPrefix("/") else { throw document.error(field, "must be an absolute path") }
        return path
    }
}
