/// What a statement returned: values only, nothing of libpq's, so it may be kept and sent anywhere.
package struct Rows: RandomAccessCollection, Sendable {
    struct Column: Sendable {
        var name: String
        var type: UInt32
    }

    let columns: [Column]
    /// All fields of all rows, one after another.
    let bytes: [UInt8]
    /// Where each field ends in `bytes`; the complement of that (a negative number) for NULL.
    let ends: [Int]
    package let count: Int
    /// How many rows the statement changed or returned.
    package let affected: Int
    /// What PostgreSQL says it did: `INSERT 0 1`, `ROLLBACK`.
    let tag: String

    static let none = Rows(columns: [], bytes: [], ends: [], count: 0, affected: 0, tag: "")

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }
    package subscript(position: Int) -> Row {
        precondition(position >= 0 && position < count, "row \(position) of \(count)")
        return Row(rows: self, index: position)
    }

    func cell(row: Int, column: Int) -> PostgresCell {
        let index = row * columns.count + column
        let previous = index == 0 ? 0 : ends[index - 1]
        let start = previous < 0 ? ~previous : previous
        let end = ends[index]
        return PostgresCell(bytes: end < 0 ? nil : bytes[start..<end], type: columns[column].type, column: columns[column].name)
    }
}

/// One row of a result.
package struct Row: Sendable {
    let rows: Rows
    let index: Int

    /// By position, from 0. Throws 42703 if there is no such column, and what decoding throws.
    package func get<T: PostgresDecodable>(_ column: Int, as: T.Type = T.self) throws(PostgresError) -> T {
        guard rows.columns.indices.contains(column) else {
            throw PostgresError("42703", "no column \(column): the result has \(rows.columns.count)")
        }
        return try T(rows.cell(row: index, column: column))
    }

    /// By name; the first column of that name. Throws as by position.
    package func get<T: PostgresDecodable>(_ column: String, as: T.Type = T.self) throws(PostgresError) -> T {
        guard let position = rows.columns.firstIndex(where: { $0.name == column }) else {
            throw PostgresError("42703", "no column '\(column)' in the result")
        }
        return try get(position)
    }
}
