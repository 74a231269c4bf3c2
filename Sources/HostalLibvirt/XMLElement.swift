/// A text that XML cannot hold.
package struct XMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Of the character that XML 1.0 has no way to write.
    package var scalar: UInt32

    package var description: String { "character U+\(String(scalar, radix: 16, uppercase: true)) cannot be written as XML" }
}

/// An element of an XML document. Writing it is the only way in which text of ours becomes XML, so nothing in a name or a path can ever
/// become markup.
package struct XMLElement: Hashable, Sendable {
    package var name: String
    package var attributes: [Attribute]
    package var text: String
    package var children: [XMLElement]

    package struct Attribute: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    /// `name` and the attributes' names are ours: they are written as they are. A nil attribute is left out.
    package init(
        _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], text: String = "", _ children: [XMLElement] = []
    ) {
        self.name = name
        self.attributes = attributes.compactMap { name, value in value.map { Attribute(name: name, value: $0) } }
        self.text = text
        self.children = children
    }

    /// The element and all in it, two blanks deeper at each level, with a newline at the end.
    package func written(indent: String = "") throws(XMLError) -> String {
        var document = "\(indent)<\(name)"
        for attribute in attributes { document += " \(attribute.name)=\"\(try Self.escaped(attribute.value))\"" }
        guard !children.isEmpty else { return document + (text.isEmpty ? "/>\n" : ">\(try Self.escaped(text))</\(name)>\n") }
        document += ">\(try Self.escaped(text))\n"
        for child in children { document += try child.written(indent: indent + "  ") }
        return document + "\(indent)</\(name)>\n"
    }

    /// Newlines and tabs are written as numbers, because a parser makes blanks of those that stand in an attribute.
    private static func escaped(_ text: String) throws(XMLError) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&apos;"
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            case "\u{20}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}": result.unicodeScalars.append(scalar)
            default: throw XMLError(scalar: scalar.value)
            }
        }
        return result
    }
}
