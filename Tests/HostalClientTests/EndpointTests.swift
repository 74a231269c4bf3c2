import HostalClient
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("https://api.example.net", "https://api.example.net/v1"), ("https://api.example.net/", "https://api.example.net/v1"),
        ("https://api.example.net:8443/hostal/v1/", "https://api.example.net:8443/hostal/v1"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80/v1"),
        ("http://localhost", "http://localhost/v1"), ("http://[::1]:8080", "http://[::1]:8080/v1"),
    ])
    func anAddressHasAVersion(_ address: String, _ root: String) throws { #expect(try Endpoint(address).root == root) }

    @Test(arguments: [
        "http://api.example.net", "http://127.0.0.1.example.net", "http://127.evil.example.net", "ftp://api.example.net",
        "api.example.net",
        "https://", "https://user@api.example.net", "https://api.example.net/?a=b", "https://api example.net", "https://a\u{0A}b",
    ])
    func whatWouldShowTheTokenOrMeansNothingIsRefused(_ address: String) {
        #expect(throws: Endpoint.Refused.self) { try Endpoint(address) }
    }

    @Test func plainHTTPIsAcceptedWhereSomebodyMeansIt() throws {
        #expect(try Endpoint("http://10.0.0.1", allowingPlainHTTP: true).root == "http://10.0.0.1/v1")
    }
}
