/// Columns two spaces apart, as wide as their widest cell.
struct Table {
    var header: [String]?
    var rows: [[String]]
    /// Colours a cell that has its final width.
    var tint: (_ column: Int, _ cell: String, _ padded: String) -> String = { $2 }

    /// Nil when there is nothing to show.
    var text: String? {
        let lines =
            (header.map { [$0] } ?? []) + rows.map { $0.map { $0.printable.split(separator: "\n").joined(separator: " ") } }
        guard let first = lines.first else { return nil }
        let widths = first.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.enumerated().map { index, cells in
            let isHeader = header != nil && index == 0
            return cells.indices.map { column in
                let isLast = column == cells.count - 1
                let padded = cells[column] + String(repeating: " ", count: isLast ? 0 : widths[column] - cells[column].count + 2)
                return isHeader ? padded : tint(column, cells[column], padded)
            }.joined()
        }.joined(separator: "\n")
    }

    /// Names and values under each other, for one thing.
    static func facts(_ facts: [(String, String)]) -> String {
        Table(header: nil, rows: facts.map { [$0.0, $0.1] }).text ?? ""
    }
}
