import HummingbirdCore

#if TLS
    import HummingbirdTLS
    import NIOSSL
#endif

/// What the API proves its name with: PEM files, read once, when it starts. A renewed certificate takes effect at the next start.
package struct ServerCertificate: Sendable, Hashable {
    /// The chain, the server's own certificate first.
    package var chain: String
    /// Readable by the API's user only.
    package var key: String

    package init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }

    /// The same HTTP behind TLS 1.2 or newer. Throws `CertificateUnusable` for files that are absent, no PEM, or do not belong together.
    func protecting(_ http: HTTPServerBuilder) throws -> HTTPServerBuilder {
        #if TLS
            do {
                var tls = TLSConfiguration.makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(chain).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
                tls.minimumTLSVersion = .tlsv12
                // Made here as well: the files' mistakes are this program's start's, not the first customer's.
                _ = try NIOSSLContext(configuration: tls)
                return try .tls(http, tlsConfiguration: tls)
            } catch {
                throw CertificateUnusable(certificate: self, reason: "\(error)")
            }
        #else
            throw CertificateUnusable(certificate: self, reason: "this program was built without TLS")
        #endif
    }
}

package struct CertificateUnusable: Error, CustomStringConvertible {
    package var certificate: ServerCertificate
    package var reason: String
    package var description: String { "cannot use certificate \(certificate.chain) with key \(certificate.key): \(reason)" }
}
