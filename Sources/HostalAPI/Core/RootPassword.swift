import CCrypt
import Glibc

/// Passwords for guests' root: made here, shown once, and kept only as what crypt(3) makes of them.
enum RootPassword {
    private static let letters = Array("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789".utf8)
    private static let saltLetters = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    /// Of 57 letters each: 139 bits.
    static let length = 24

    /// From the system's generator. No letters that are taken for one another.
    static func make() -> String { random(length, of: letters) }

    /// `$6$salt$hash`: SHA-512 with crypt(3)'s own number of rounds, about 2 ms. Nil if the library cannot.
    static func hash(_ password: String) -> String? {
        let data = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        // SAFETY: crypt_r asks for zeroes before the first use; the memory is ours alone until it returns.
        memset(data, 0, MemoryLayout<crypt_data>.size)
        defer { data.deallocate() }
        guard let made = crypt_r(password, "$6$\(random(16, of: saltLetters))$", data) else { return nil }
        let text = String(cString: made)
        return text.hasPrefix("$6$") ? text : nil
    }

    private static func random(_ count: Int, of letters: [UInt8]) -> String {
        String(decoding: (0..<count).compactMap { _ in letters.randomElement() }, as: UTF8.self)
    }
}
