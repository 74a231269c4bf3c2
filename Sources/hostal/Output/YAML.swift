import HostalClient

extension JSON {
    /// As a YAML 1.2 document that other readers take for the same values, those of YAML 1.1 included.
    var yaml: String {
        switch self {
        case .array(let elements) where !elements.isEmpty: elements.map { Self.item($0, indent: 0) }.joined(separator: "\n")
        case .object(let members) where !members.isEmpty: members.map { Self.field($0, indent: 0) }.joined(separator: "\n")
        default: scalar
        }
    }

    private static func field(_ member: Member, indent: Int) -> String {
        let start = String(repeating: " ", count: indent) + plainOrQuoted(member.name) + ":"
        switch member.value {
        case .array(let elements) where !elements.isEmpty:
            return start + "\n" + elements.map { item($0, indent: indent + 2) }.joined(separator: "\n")
        case .object(let members) where !members.isEmpty:
            return start + "\n" + members.map { field($0, indent: indent + 2) }.joined(separator: "\n")
        default:
            return start + " " + member.value.scalar
        }
    }

    private static func item(_ value: JSON, indent: Int) -> String {
        let start = String(repeating: " ", count: indent) + "- "
        let inner: String
        switch value {
        case .array(let elements) where !elements.isEmpty:
            inner = elements.map { item($0, indent: indent + 2) }.joined(separator: "\n")
        case .object(let members) where !members.isEmpty:
            inner = members.map { field($0, indent: indent + 2) }.joined(separator: "\n")
        default:
            return start + value.scalar
        }
        // The first line stands behind the dash.
        return start + inner.dropFirst(indent + 2)
    }

    private var scalar: String {
        switch self {
        case .string(let text): Self.plainOrQuoted(text)
        case .array: "[]"
        case .object: "{}"
        case .null: "null"
        case .number, .bool: text ?? ""
        }
    }

    /// Plain only where no reader could see anything else in it: words of letters, digits and a few marks that begin with a letter.
    private static func plainOrQuoted(_ text: String) -> String {
        let isPlain =
            text.first.map { $0.isASCII && $0.isLetter } == true
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
        return isPlain && !words.contains(text.lowercased()) ? text : JSON.quoted(text)
    }

    private static let words: Set = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"]
}
