/// What is asked of the server.
enum Question {
    /// Any number of statements by the simple protocol, without parameters.
    case script(String)
    case prepare(name: String, SQL)
    case execute(name: String, SQL.Parameters)
}

/// One question to the server and what has come back of it so far.
struct Exchange {
    /// Tells a cancellation that comes late that its exchange is over.
    let id: UInt64
    let columns: [Rows.Column]?
    let continuation: CheckedContinuation<Result<Rows, PostgresError>, Never>
    /// A script has several results: the first error counts, else the last result.
    private(set) var result: Result<Rows, PostgresError>?

    init(id: UInt64, columns: [Rows.Column]?, continuation: CheckedContinuation<Result<Rows, PostgresError>, Never>) {
        self.id = id
        self.columns = columns
        self.continuation = continuation
    }

    mutating func add(_ next: Result<Rows, PostgresError>) {
        if case .failure = result { return }
        result = next
    }
}

/// The statements that the server has prepared for one connection.
struct PreparedStatements {
    struct Statement {
        var name: String
        var types: [UInt32]
        /// Known after it ran once.
        var columns: [Rows.Column]?
    }
    private var byText: [String: Statement] = [:]
    private var made = 0
    /// The most statements that one connection keeps prepared; then it starts anew.
    static let limit = 500

    var isFull: Bool { byText.count >= Self.limit }

    /// Nil if it was not prepared, or with parameters of other types.
    func find(_ sql: SQL) -> Statement? {
        guard let statement = byText[sql.text], statement.types == sql.parameters.types else { return nil }
        return statement
    }

    mutating func newName() -> String {
        made += 1
        return "s\(made)"
    }

    mutating func keep(_ statement: Statement, for sql: SQL) { byText[sql.text] = statement }
    mutating func forget(_ sql: SQL) { byText[sql.text] = nil }
    mutating func forgetAll() { byText = [:] }
}
