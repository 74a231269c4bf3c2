import FoundationEssentials

/// Writes `Encodable` values as JSON in one pass: names in snake_case, fields in the order of their types, times as ISO 8601 in UTC. Several
/// times as fast as `JSONEncoder`, which first builds the document as a tree. Only for bodies whose types write themselves field by field.
enum WireWriter {
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let output = WireOutput()
        try output.write(value)
        return output.bytes
    }
}

/// The document so far. One value writes at a time.
private final class WireOutput {
    var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(4_096) }

    func write<T: Encodable>(_ value: T) throws {
        // Types are compared before they are cast: a cast that fails is slow.
        if T.self == String.self, let text = value as? String { return write(text: text) }
        if T.self == Int64.self, let number = value as? Int64 { return write(number) }
        if T.self == Int.self, let number = value as? Int { return write(Int64(number)) }
        if T.self == Double.self, let number = value as? Double { return write(number) }
        if T.self == Bool.self, let flag = value as? Bool { return write(literal: flag ? "true" : "false") }
        if T.self == Date.self, let date = value as? Date { return write(date) }
        // Its keys are data, not names of fields.
        if T.self == [String: String].self, let texts = value as? [String: String] { return write(texts) }
        let encoder = WireEncoder(self)
        try value.encode(to: encoder)
        switch encoder.opened {
        case .object: bytes.append(UInt8(ascii: "}"))
        case .array: bytes.append(UInt8(ascii: "]"))
        case .value: break
        case .nothing: write(literal: "{}")
        }
    }

    func write(literal: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    func write(_ number: Int64) { bytes.append(contentsOf: "\(number)".utf8) }

    func write(_ number: Double) {
        // Whole numbers without a point, as other encoders have them.
        if let whole = Int64(exactly: number), abs(number) < 1e15 { return write(whole) }
        // JSON has no other numbers.
        guard number.isFinite else { return write(literal: "null") }
        bytes.append(contentsOf: "\(number)".utf8)
    }

    func write(text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            let isPlain = utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if isPlain { bytes.append(contentsOf: utf8) } else { for byte in utf8 { write(escaped: byte) } }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func write(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
        case UInt8(ascii: "\n"): write(literal: "\\n")
        case 0..<0x20: bytes.append(contentsOf: "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8)
        default: bytes.append(byte)
        }
    }

    /// A field's name, from camelCase; a run of capitals is one word.
    func write(name: String) {
        bytes.append(UInt8(ascii: "\""))
        var name = name
        name.withUTF8 { utf8 in
            let isCapital: (UInt8) -> Bool = { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }
            guard utf8.contains(where: isCapital) else { return bytes.append(contentsOf: utf8) }
            for (index, byte) in utf8.enumerated() {
                if isCapital(byte), index > 0, !isCapital(utf8[index - 1]) { bytes.append(UInt8(ascii: "_")) }
                bytes.append(isCapital(byte) ? byte | 0x20 : byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func write(_ texts: [String: String]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, entry) in texts.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            write(text: entry.key)
            bytes.append(UInt8(ascii: ":"))
            write(text: entry.value)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// To the second.
    private func write(_ date: Date) {
        let seconds = Int64(date.timeIntervalSince1970.rounded(.down))
        let days = Int64((Double(seconds) / 86_400).rounded(.down))
        let time = seconds - days * 86_400
        // The Gregorian calendar, counting years from March so that the leap day is a year's last.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int64) {
            bytes.append(UInt8(ascii: "0") + UInt8(number / 10 % 10))
            bytes.append(UInt8(ascii: "0") + UInt8(number % 10))
        }
        bytes.append(UInt8(ascii: "\""))
        two(year / 100)
        two(year % 100)
        bytes.append(UInt8(ascii: "-"))
        two(month)
        bytes.append(UInt8(ascii: "-"))
        two(day)
        bytes.append(UInt8(ascii: "T"))
        two(time / 3_600)
        bytes.append(UInt8(ascii: ":"))
        two(time / 60 % 60)
        bytes.append(UInt8(ascii: ":"))
        two(time % 60)
        bytes.append(UInt8(ascii: "Z"))
        bytes.append(UInt8(ascii: "\""))
    }
}

/// What one value writes itself through.
private final class WireEncoder: Encoder {
    enum Opened { case nothing, value, object, array }

    let output: WireOutput
    var opened = Opened.nothing
    var isFirst = true
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ output: WireOutput) { self.output = output }

    func open(_ what: Opened, _ byte: UInt8) {
        guard opened == .nothing else { return }
        opened = what
        output.bytes.append(byte)
    }

    func separate() {
        if !isFirst { output.bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        open(.object, UInt8(ascii: "{"))
        return KeyedEncodingContainer(Fields<Key>(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        open(.array, UInt8(ascii: "["))
        return Elements(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        opened = .value
        return Single(encoder: self)
    }

    /// A type of ours that wants containers inside containers: none does.
    struct Unsupported: Error {}

    struct Fields<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }

        private func begin(_ key: Key) {
            encoder.separate()
            encoder.output.write(name: key.stringValue)
            encoder.output.bytes.append(UInt8(ascii: ":"))
        }

        func encodeNil(forKey key: Key) {
            begin(key)
            encoder.output.write(literal: "null")
        }
        func encode(_ value: String, forKey key: Key) {
            begin(key)
            encoder.output.write(text: value)
        }
        func encode(_ value: Int64, forKey key: Key) {
            begin(key)
            encoder.output.write(value)
        }
        func encode(_ value: Bool, forKey key: Key) {
            begin(key)
            encoder.output.write(literal: value ? "true" : "false")
        }
        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            begin(key)
            try encoder.output.write(value)
        }
        func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
            preconditionFailure("a body's type wants a container in a container: give it a type of its own")
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            preconditionFailure("a body's type wants a container in a container: give it a type of its own")
        }
        func superEncoder() -> any Encoder { preconditionFailure("a body's type is a class") }
        func superEncoder(forKey key: Key) -> any Encoder { preconditionFailure("a body's type is a class") }
    }

    struct Elements: UnkeyedEncodingContainer {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }
        var count = 0

        mutating func encodeNil() {
            encoder.separate()
            encoder.output.write(literal: "null")
        }
        mutating func encode<T: Encodable>(_ value: T) throws {
            encoder.separate()
            count += 1
            try encoder.output.write(value)
        }
        mutating func nestedContainer<Nested: CodingKey>(keyedBy keyType: Nested.Type) -> KeyedEncodingContainer<Nested> {
            preconditionFailure("a body's type wants a container in a container: give it a type of its own")
        }
        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            preconditionFailure("a body's type wants a container in a container: give it a type of its own")
        }
        mutating func superEncoder() -> any Encoder { preconditionFailure("a body's type is a class") }
    }

    struct Single: SingleValueEncodingContainer {
        let encoder: WireEncoder
        var codingPath: [any CodingKey] { [] }

        func encodeNil() { encoder.output.write(literal: "null") }
        func encode<T: Encodable>(_ value: T) throws {
            // What the standard library's other numbers end in: they would come back here for ever.
            if let number = value as? any BinaryInteger & Encodable, T.self != Int64.self, T.self != Int.self {
                guard let whole = Int64(exactly: number) else { preconditionFailure("a body's number is beyond 64 bits") }
                return encoder.output.write(whole)
            }
            if let number = value as? Float { return encoder.output.write(Double(number)) }
            try encoder.output.write(value)
        }
    }
}
