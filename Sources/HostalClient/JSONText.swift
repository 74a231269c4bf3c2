extension JSON {
    /// On one line, for the wire.
    package var compact: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// With two spaces for each level, for people and for `jq`.
    package var indented: String {
        var text = ""
        write(to: &text, indent: 0)
        return text
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let value): text += Self.quoted(value)
        case .array(let elements):
            Self.write(elements, between: ("[", "]"), to: &text, indent: indent) { $0.write(to: &$1, indent: $2) }
        case .object(let members):
            Self.write(members, between: ("{", "}"), to: &text, indent: indent) { member, text, indent in
                text += Self.quoted(member.name) + (indent == nil ? ":" : ": ")
                member.value.write(to: &text, indent: indent)
            }
        }
    }

    private static func write<Part>(
        _ parts: [Part], between ends: (String, String), to text: inout String, indent: Int?,
        part: (Part, inout String, Int?) -> Void
    ) {
        text += ends.0
        for (index, value) in parts.enumerated() {
            if index > 0 { text += "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
            part(value, &text, indent.map { $0 + 1 })
        }
        if let indent, !parts.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += ends.1
    }

    /// As a JSON text with its quotes. Control characters are escaped: none reaches a terminal.
    package static func quoted(_ value: String) -> String {
        var text = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{00}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }
}
