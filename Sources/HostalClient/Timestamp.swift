/// A moment as the API writes it, ISO 8601 with its zone, to the second.
package struct Timestamp: Sendable, Hashable {
    /// Since 1970 in UTC.
    package let seconds: Int64

    /// Nil for what is no such moment: `2026-11-24T22:00:00Z`, `…00.5+01:00`.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            [UInt8(ascii: "T"), UInt8(ascii: " ")].contains(bytes[10]), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":")
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard bytes[range].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            return Int64(String(decoding: bytes[range], as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), (1...31).contains(day),
            hour < 24,
            minute < 60, second < 61
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst().drop { $0 >= 0x30 && $0 <= 0x39 } }
        var offset: Int64 = 0
        if rest.elementsEqual([UInt8(ascii: "Z")]) {
            offset = 0
        } else {
            guard rest.count == 6, rest[rest.startIndex + 3] == UInt8(ascii: ":"), let sign = rest.first,
                sign == 0x2B || sign == 0x2D,
                let hours = number(rest.startIndex + 1..<rest.startIndex + 3),
                let minutes = number(rest.startIndex + 4..<rest.endIndex)
            else { return nil }
            offset = (hours * 3_600 + minutes * 60) * (sign == 0x2D ? -1 : 1)
        }
        // Days from 1970 in the Gregorian calendar, counting years from March so that the leap day is a year's last.
        let y = month > 2 ? year : year - 1
        let era = y / 400
        let yearOfEra = y % 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    }
}
