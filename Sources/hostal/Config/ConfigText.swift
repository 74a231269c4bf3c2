/// What the configuration file says: contexts, and which one is used.
struct Config: Equatable {
    struct Context: Equatable {
        var name: String
        var endpoint: String
        var token: String
        /// A PEM file of those that may vouch for the API, in place of the system's; an absolute path.
        var caFile: String?
    }

    var active: String?
    var contexts: [Context] = []

    func context(_ name: String) -> Context? { contexts.first { $0.name == name } }

    /// Letters, digits, `-` and `_`, 1 to 63: what needs no quotes in TOML.
    static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// The file's text, a small part of TOML: comments, `[contexts.NAME]`, and `key = "text"`. What else TOML has is refused with its line,
/// so that nothing is lost when the file is written again.
extension Config {
    struct Malformed: Error, Equatable {
        /// Counted from 1.
        var line: Int
        var reason: String
    }

    init(parsing text: String) throws(Malformed) {
        var section: Int?
        var seen: Set<String> = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            func malformed(_ reason: String) -> Malformed { Malformed(line: index + 1, reason: reason) }
            let line = line.trimmed
            if line.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("[") {
                guard line.hasPrefix("[contexts."), line.hasSuffix("]"), Self.isName(String(line.dropFirst(10).dropLast())) else {
                    throw malformed("sections are [contexts.NAME]")
                }
                let name = String(line.dropFirst(10).dropLast())
                guard context(name) == nil else { throw malformed("the context '\(name)' is there twice") }
                contexts.append(Context(name: name, endpoint: "", token: ""))
                section = contexts.count - 1
                seen = []
                continue
            }
            guard let equals = line.firstIndex(of: "=") else {
                throw malformed("a line is a comment, a [section] or key = \"text\"")
            }
            let key = line[..<equals].trimmed
            guard let value = Self.text(quoted: line[line.index(after: equals)...].trimmed) else {
                throw malformed("the value of \(key.prefix(20)) must be a text between double quotes on one line")
            }
            guard seen.insert(String(key)).inserted else { throw malformed("\(key.prefix(20)) is there twice") }
            switch (key, section) {
            case ("active", nil): active = value
            case ("endpoint", let index?): contexts[index].endpoint = value
            case ("token", let index?): contexts[index].token = value
            case ("ca_file", let index?): contexts[index].caFile = value
            default: throw malformed("there is no setting \(key.prefix(20)) here")
            }
        }
    }

    var text: String {
        var text = "# Written by hostal. It holds tokens: keep it to yourself.\n"
        if let active { text += "active = \(Self.quoted(active))\n" }
        for context in contexts {
            text +=
                "\n[contexts.\(context.name)]\nendpoint = \(Self.quoted(context.endpoint))\ntoken = \(Self.quoted(context.token))\n"
            if let caFile = context.caFile { text += "ca_file = \(Self.quoted(caFile))\n" }
        }
        return text
    }

    /// Nil for what is no basic string of TOML, and for what follows one but a comment.
    private static func text(quoted source: Substring) -> String? {
        guard source.first == "\"" else { return nil }
        var text = ""
        var rest = source.dropFirst()
        while let character = rest.popFirst() {
            switch character {
            case "\"":
                rest = rest.trimmed
                return rest.isEmpty || rest.hasPrefix("#") ? text : nil
            case "\\":
                guard let escaped = rest.popFirst(), escaped == "\"" || escaped == "\\" else { return nil }
                text.append(escaped)
            default: text.append(character)
            }
        }
        return nil
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends, and without a carriage return at the end.
    var trimmed: SubSequence {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return self[startIndex..<startIndex]
        }
        return self[first...last]
    }
}
