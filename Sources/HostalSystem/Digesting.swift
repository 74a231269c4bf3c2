import CCrypto

/// A SHA-2 digest that grows with what it is given, computed by OpenSSL. For one task at a time.
package struct Digesting: ~Copyable {
    package enum Algorithm: Sendable {
        case sha256, sha512
    }

    private let context: OpaquePointer

    package init(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("no memory for a digest") }
        self.context = context
        let ready = EVP_DigestInit_ex(context, algorithm == .sha256 ? EVP_sha256() : EVP_sha512(), nil)
        precondition(ready == 1, "OpenSSL has no SHA-2")
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
