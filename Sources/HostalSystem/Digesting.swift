import CCrypto

/// A digest that grows with what it is given, computed by OpenSSL. For one task at a time.
package struct Digesting: ~Copyable {
    package enum Algorithm: Sendable {
        case sha256, sha512
        /// For fingerprints of SSH keys, which are names; never where somebody could gain from a collision.
        case md5
    }

    private let context: OpaquePointer

    package init(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest") }
        self.context = context
        let kind =
            switch algorithm {
            case .sha256: EVP_sha256()
            case .sha512: EVP_sha512()
            case .md5: EVP_md5()
            }
        precondition(EVP_DigestInit_ex(context, kind, nil) == 1, "OpenSSL does not have this digest")
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "OpenSSL cannot go on with a digest")
    }

    /// The digest of everything so far, in lower-case hexadecimal; more may follow.
    package func hexadecimal() -> String {
        guard let copy = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest") }
        defer { EVP_MD_CTX_free(copy) }
        var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        let done = EVP_MD_CTX_copy_ex(copy, context) == 1 && EVP_DigestFinal_ex(copy, &bytes, &count) == 1
        precondition(done, "OpenSSL cannot end a digest")
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.prefix(Int(count)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
