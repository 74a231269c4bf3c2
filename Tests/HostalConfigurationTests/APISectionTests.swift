import HostalConfiguration
import Testing

@Suite struct APISectionTests {
    private func section(_ text: String) throws -> APISection? {
        try HostSettings(Document(text: "host: h1\n" + text, file: "hostald.yaml")).api
    }

    @Test func withoutItThereIsNoAPIAndAnEmptyOneHasDefaults() throws {
        #expect(try section("") == nil)
        let usual = try #require(try section("api: {}"))
        #expect(usual.address == "127.0.0.1" && usual.port == 8080 && usual.requestsPerHour == 3_600 && usual.currency == "EUR")
    }

    @Test func everyFieldIsRead() throws {
        let section = try #require(
            try section(
                "api: {listen: \"[::1]:443\", requests_per_hour: 10, currency: USD, tls_certificate: /c.pem, tls_key: /k.pem}"))
        #expect(section.certificate == "/c.pem" && section.key == "/k.pem")
        #expect(section.address == "::1" && section.port == 443 && section.requestsPerHour == 10 && section.currency == "USD")
    }

    @Test(arguments: [
        ("listen: \"8080\"", "listen"), ("listen: \"localhost:80\"", "listen"), ("listen: \"127.0.0.1:65536\"", "listen"),
        ("listen: \"::1:80\"", "listen"), ("requests_per_hour: 0", "requests_per_hour"), ("currency: eur", "currency"),
        ("tls_certificate: /etc/tls.pem", "tls_certificate"), ("tls_key: /etc/tls.key", "tls_key"), ("colour: red", "colour"),
        ("tls_certificate: c.pem, tls_key: /k.pem", "tls_certificate"),
    ]) func aWrongFieldIsNamed(text: String, field: String) {
        let error = #expect(throws: ConfigurationError.self) { try section("api: {\(text)}") }
        #expect("\(error.map { "\($0)" } ?? "")".contains("api.\(field)"))
    }
}
