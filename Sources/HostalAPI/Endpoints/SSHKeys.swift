import FoundationEssentials
import HostalDatabase
import HostalSystem
import HostalWire

/// The account's keys for new servers.
extension Endpoint {
    static let sshKeys: [Endpoint] = [
        .read("/v1/ssh_keys") { call in
            let page = try call.query.page()
            let filter = SSHKeyFilter(
                name: call.query.text("name"), fingerprint: call.query.text("fingerprint"), labels: try call.query.labels())
            let found = try await SSHKeyStore(call.database).list(
                of: call.account, filter, sort: try call.query.sort(.id), page: page)
            return try APIAnswer(
                encoding: SSHKeyList(sshKeys: found.entries.map { SSHKey($0) }, meta: Meta(page, total: found.total)))
        },
        .read("/v1/ssh_keys/{id}") { call in
            guard let key = try await SSHKeyStore(call.database).key(try call.number(), of: call.account) else {
                throw Refusal.notFound("the SSH key")
            }
            return try APIAnswer(encoding: SSHKeyAnswer(sshKey: SSHKey(key)))
        },
        .change("POST", "/v1/ssh_keys") { call in
            let request = try call.decode(CreateSSHKey.self)
            try checkName(request.name)
            let text = PublicKey.trimmed(request.publicKey)
            guard let blob = PublicKey.blob(text) else {
                throw Refusal.invalid(
                    "public_key", #"is not an OpenSSH public key on one line, such as "ssh-ed25519 AAAA… comment""#)
            }
            let key: SSHKeyRecord?
            do {
                key = try await SSHKeyStore(call.transaction).create(
                    of: call.account, name: request.name, publicKey: text, fingerprint: PublicKey.fingerprint(blob),
                    labels: request.labels ?? [:])
            } catch let error as PostgresError where error.sqlState == "HO001" && error.detail == "ssh_keys[0]" {
                throw Refusal.invalid(
                    "public_key", "is not an OpenSSH public key that we accept: Ed25519, RSA or ECDSA, on one line")
            }
            guard let key else { throw Refusal.failed }
            return try Change(201, SSHKeyAnswer(sshKey: SSHKey(key)))
        },
        .change("PUT", "/v1/ssh_keys/{id}") { call in
            let request = try call.decode(UpdateNamed.self)
            if let name = request.name { try checkName(name) }
            guard
                let key = try await SSHKeyStore(call.transaction).update(
                    try call.number(), of: call.account, name: request.name, labels: request.labels)
            else { throw Refusal.notFound("the SSH key") }
            return try Change(200, SSHKeyAnswer(sshKey: SSHKey(key)))
        },
        .change("DELETE", "/v1/ssh_keys/{id}") { call in
            guard try await SSHKeyStore(call.transaction).delete(try call.number(), of: call.account) else {
                throw Refusal.notFound("the SSH key")
            }
            return Change(empty: 204)
        },
    ]

    private static func checkName(_ name: String) throws {
        guard !name.isEmpty, name.unicodeScalars.count <= 128, !name.contains(where: \.isNewline) else {
            throw Refusal.invalid("name", "must have 1 to 128 characters on one line")
        }
    }
}

/// An OpenSSH public key: `type base64 comment`.
enum PublicKey {
    static func trimmed(_ text: String) -> String {
        String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }

    /// The binary key; nil unless it begins with the type that the text names.
    static func blob(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, let data = Data(base64Encoded: String(parts[1])) else { return nil }
        let blob = Array(data)
        let type = Array(parts[0].utf8)
        guard blob.count > 4 + type.count, Array(blob[..<4]) == [0, 0, 0, UInt8(truncatingIfNeeded: type.count)],
            Array(blob[4..<4 + type.count]) == type
        else { return nil }
        return blob
    }

    /// MD5, as the API's clients show and look it up. Not for security.
    static func fingerprint(_ blob: [UInt8]) -> String {
        var digest = Digesting(.md5)
        blob.withUnsafeBytes { digest.update($0) }
        let digits = Array(digest.hexadecimal())
        return stride(from: 0, to: digits.count, by: 2).map { String(digits[$0...$0 + 1]) }.joined(separator: ":")
    }
}
