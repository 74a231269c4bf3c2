/// `api:` in `hostald.yaml`: the customers' API (docs/settings.md).
package struct APISection: Sendable, Hashable {
    package var address: String
    package var port: Int
    package var requestsPerHour: Int
    /// ISO 4217.
    package var currency: String

    private static let fields = ["listen", "requests_per_hour", "currency", "tls_certificate", "tls_key"]

    init(_ document: Document) throws(ConfigurationError) {
        try document.refuseUnknown(Self.fields)
        for field in ["tls_certificate", "tls_key"] where document.has(field) {
            throw document.error(
                field, "is not supported yet: let a reverse proxy such as nginx or Caddy do TLS, and listen on loopback")
        }
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
    }
}
