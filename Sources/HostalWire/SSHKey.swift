package import FoundationEssentials

/// A public key that new servers let in.
package struct SSHKey: Codable, Hashable, Sendable {
    package var id: Int64
    package var name: String
    /// MD5, sixteen pairs of digits between colons, as the API's clients expect.
    package var fingerprint: String
    package var publicKey: String
    package var labels: [String: String]
    package var created: Date

    package init(
        id: Int64, name: String, fingerprint: String, publicKey: String, labels: [String: String] = [:], created: Date
    ) {
        self.id = id
        self.name = name
        self.fingerprint = fingerprint
        self.publicKey = publicKey
        self.labels = labels
        self.created = created
    }
}
