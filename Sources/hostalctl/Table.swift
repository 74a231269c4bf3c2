/// Columns under a header, two spaces apart, as wide as their widest cell. What others have written cannot move an operator's cursor.
struct Table {
    var header: [String]
    var rows: [[String]]

    var text: String {
        let lines = ([header] + rows).map { $0.map(Self.harmless) }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { cells in
            let padded = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(padded.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func harmless(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
