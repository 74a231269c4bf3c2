import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// The file with the key of a pool's user, as Ceph writes it.
enum CephKeyring {
    static let sizeLimit = 64 << 10

    /// The key's bytes, as libvirt keeps them. Throws `needsOperator`: without it no guest of the pool can start.
    static func key(of settings: RBDPoolSettings, pool: PoolName) throws -> [UInt8] {
        let path = settings.keyringPath
        func unusable(_ problem: String) -> Failure {
            Failure(
                .needsOperator, .serviceError, "cannot reach the disk pool: its settings are wrong",
                detail: "pool '\(pool)': keyring \(path): \(problem)")
        }
        let bytes: [UInt8]
        do { bytes = try OpenFile(path, .read).bytes(sizeLimit, at: 0) } catch { throw unusable("\(error)") }
        guard let text = key(in: String(decoding: bytes, as: UTF8.self), of: settings.user) else {
            throw unusable("it has no key of client.\(settings.user)")
        }
        guard let key = Data(base64Encoded: text), !key.isEmpty else {
            throw unusable("the key of client.\(settings.user) is not base64")
        }
        return Array(key)
    }

    /// `key = BASE64` below `[client.USER]`.
    static func key(in text: String, of user: String) -> String? {
        var isOurs = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.filter { !$0.isWhitespace }
            if line.hasPrefix("[") { isOurs = line == "[client.\(user)]" }
            if isOurs, line.hasPrefix("key=") { return String(line.dropFirst(4)) }
        }
        return nil
    }
}

/// `Wed Nov 25 01:52:13 2026`, in the host's time zone: as C's `ctime` writes it.
enum CephTime {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func parse(_ text: String) -> Date? {
        guard let match = text.wholeMatch(of: /... (...) +(\d+) (\d\d):(\d\d):(\d\d) (\d{4})/),
            let month = months.firstIndex(of: String(match.1))
        else { return nil }
        let numbers = [match.2, match.3, match.4, match.5, match.6].compactMap { Int32($0) }
        guard numbers.count == 5 else { return nil }
        var parts = tm()
        (parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[0], numbers[1], numbers[2], numbers[3])
        (parts.tm_mon, parts.tm_year, parts.tm_isdst) = (Int32(month), numbers[4] - 1_900, -1)
        return Date(timeIntervalSince1970: Double(mktime(&parts)))
    }
}
