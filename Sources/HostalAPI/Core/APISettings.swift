/// What the API's server must know.
package struct APISettings: Sendable, Hashable {
    package var address: String
    package var port: Int
    /// Of each token.
    package var requestsPerHour: Int
    /// ISO 4217, for prices.
    package var currency: String
    /// Nil: without encryption, for loopback or a reverse proxy in front.
    package var certificate: ServerCertificate?

    package init(
        address: String = "127.0.0.1", port: Int = 8080, requestsPerHour: Int = 3_600, currency: String = "EUR",
        certificate: ServerCertificate? = nil
    ) {
        self.address = address
        self.port = port
        self.requestsPerHour = requestsPerHour
        self.currency = currency
        self.certificate = certificate
    }
}
