import HostalModel
import HostalProvisioning
import HostalSystem

/// A pool's key file, which every password of the pool is made from: none is stored anywhere else. Read at each use.
struct CHAPKey: Sendable {
    let path: String

    /// In bytes; `openssl rand -hex 32` writes 65.
    private static let sizes = 32...4_096

    /// 16 characters, which is what Microsoft's and some arrays' targets take at most (12 to 16): 96 bits.
    func password(of guest: GuestID) throws -> String {
        let code = messageAuthenticationCode(of: Array("\(guest)".utf8), key: try read())
        return Self.text(code.prefix(12))
    }

    private func read() throws -> [UInt8] {
        let problem: String
        do {
            let facts = try FileMode(path)
            let bytes = try OpenFile(path, .read).bytes(Self.sizes.upperBound + 1, at: 0)
            if facts.isOpenToOthers {
                problem = "others than its owner may use \(path): 'chmod 600' it"
            } else if !Self.sizes.contains(bytes.count) {
                problem = "\(path) must have \(Self.sizes.lowerBound) to \(Self.sizes.upperBound) bytes: 'openssl rand -hex 32'"
            } else {
                return bytes
            }
        } catch {
            problem = "\(error)"
        }
        throw Failure(
            .needsOperator, .serviceError, "cannot reach the disk pool: its settings are wrong", detail: "key_file: \(problem)")
    }

    /// Six bits a character: no character means anything to a shell, to QEMU or to a target.
    private static func text(_ bytes: some Sequence<UInt8>) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._".utf8)
        var (bits, count, text) = (0, 0, [UInt8]())
        for byte in bytes {
            bits = bits << 8 | Int(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[bits >> count & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
