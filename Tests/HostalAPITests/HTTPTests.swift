import FoundationEssentials
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

@testable import HostalAPI

/// The same over a real socket, with curl as the client.
@Suite struct HTTPTests {
    private func curl(_ words: String...) async throws -> String { try await curl(words) }

    private func curl(_ words: [String]) async throws -> String {
        try await Command("/usr/bin/curl", ["-sS", "-m", "20"] + words, timeout: .seconds(30)).run()
    }

    @Test func theServerSpeaksHTTPAndStopsGracefully() async throws {
        try await TestAPI.use { api in
            let port = Mutex(0)
            let server = Task { try await APIServer(api.service).run { ready in port.withLock { $0 = ready } } }
            try await waitUntil("the server is ready") { port.withLock { $0 } != 0 }
            let base = "http://127.0.0.1:\(port.withLock { $0 })/v1"
            let token = "Authorization: Bearer \(api.token)"

            let created = try await curl(
                "-i", "-H", token, "-H", "Idempotency-Key: k", "-d", TestAPI.createBody("web"), "\(base)/servers")
            #expect(created.hasPrefix("HTTP/1.1 201 Created") && created.contains("Content-Type: application/json"))
            #expect(created.contains("X-Correlation-ID: ") && created.contains("RateLimit-Remaining: "))
            let again = try await curl(
                "-i", "-H", token, "-H", "Idempotency-Key: k", "-d", TestAPI.createBody("web"), "\(base)/servers")
            #expect(again.hasPrefix("HTTP/1.1 201 Created") && again.contains(#""root_password": null"#))
            #expect(try await api.count("servers") == 1)
            #expect(try await curl("-i", "\(base)/servers").hasPrefix("HTTP/1.1 401"))
            #expect(try await curl("-i", "-H", token, "-X", "DELETE", "\(base)/ssh_keys/1").hasPrefix("HTTP/1.1 404"))
            let large = String(repeating: "x", count: APIService.bodyLimit + 1)
            let refused = try await curl("-i", "-H", token, "-H", "Expect:", "-d", large, "\(base)/servers")
            #expect(refused.hasPrefix("HTTP/1.1 413"))
            #expect(try await curl("\(base)/openapi.json").contains(#""openapi":"3.1.0""#))

            server.cancel()
            try await server.value
            await #expect(throws: (any Error).self) { try await curl("\(base)/openapi.json") }
        }
    }

    @Test(.enabled(if: hasTLS, "built without the package trait TLS"))
    func theServerSpeaksTLSWithTheCertificateOfItsSettings() async throws {
        try await TestAPI.use { api in
            let directory = "/tmp/hostal-tls-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let certificate = ServerCertificate(chain: "\(directory)/chain.pem", key: "\(directory)/key.pem")
            _ = try await Command(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", certificate.key, "-out", certificate.chain,
                ], timeout: .seconds(30)
            ).run()
            let port = Mutex(0)
            let service = api.service(with: certificate)
            let server = Task { try await APIServer(service).run { ready in port.withLock { $0 = ready } } }
            try await waitUntil("the server is ready") { port.withLock { $0 } != 0 }
            let base = "127.0.0.1:\(port.withLock { $0 })/v1/openapi.json"
            let trusting = ["--cacert", certificate.chain]
            #expect(try await curl(trusting + ["https://\(base)"]).contains(#""openapi":"3.1.0""#))
            // Neither unencrypted, nor by a client that does not know the certificate, nor by an old protocol.
            await #expect(throws: CommandError.self) { try await curl("http://\(base)") }
            await #expect(throws: CommandError.self) { try await curl("https://\(base)") }
            await #expect(throws: CommandError.self) { try await curl(trusting + ["--tls-max", "1.1", "https://\(base)"]) }
            server.cancel()
            try await server.value

            let mistaken = api.service(with: ServerCertificate(chain: certificate.chain, key: certificate.chain))
            let error = await #expect(throws: CertificateUnusable.self) { try await APIServer(mistaken).run() }
            #expect(error?.description.contains(certificate.chain) == true)
        }
    }
}

#if TLS
    private let hasTLS = true
#else
    private let hasTLS = false
#endif
