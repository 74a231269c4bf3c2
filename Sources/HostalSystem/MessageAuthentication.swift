import CCrypto

/// HMAC-SHA-256 (RFC 2104), computed by OpenSSL: 32 bytes that only who has the key can make.
package func messageAuthenticationCode(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &bytes, &count)
    precondition(made != nil, "OpenSSL cannot make an HMAC")
    return Array(bytes.prefix(Int(count)))
}
