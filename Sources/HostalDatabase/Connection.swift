/// One connection to PostgreSQL. Statements of several callers run one after another, in the order in which they came.
///
/// A statement that is cancelled while it runs, or that gets no answer in time, closes the connection: its outcome is unknown. The server
/// then ends the statement within a second. Dropping the last reference closes it as well.
package actor Connection {
    private let settings: DatabaseSettings
    private nonisolated let reactor = Reactor.shared
    package nonisolated var unownedExecutor: UnownedSerialExecutor { reactor.asUnownedSerialExecutor() }

    /// Nil before connecting and after the end.
    private var handle: LibpqHandle?
    private var token: UInt64 = 0
    private var isConnecting = false
    private var isWriting = false
    private var exchange: Exchange?
    private var lastExchange: UInt64 = 0
    /// The socket may be ready before the question's exchange is in its place: then its end, or the fact that there is something to read.
    private var earlyResult: Result<Rows, PostgresError>?
    private var hasEarlyInput = false
    private var statements = PreparedStatements()
    private(set) var closedBecause = PostgresError.lost("not connected")
    private var notifications: AsyncStream<String>.Continuation?
    /// Counts the beginnings and ends of transactions.
    var transaction: UInt64 = 0
    private let turn = Gate(places: 1, waitsFor: "turn on this database connection")

    /// Notifications that wait for a slow reader; beyond that the oldest are dropped.
    static let notificationLimit = 1_000
    /// How often unread bytes are looked at before a statement is sent.
    private static let drainLimit = 16

    private init(_ settings: DatabaseSettings) { self.settings = settings }

    deinit { reactor.remove(token) }

    /// One attempt. Throws 08001 when the server cannot be reached within the time limit.
    static func open(_ settings: DatabaseSettings) async throws(PostgresError) -> Connection {
        let connection = Connection(settings)
        try await connection.connect()
        return connection
    }

    /// Runs one statement. Throws what the server says, or that the connection is lost.
    package func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        guard let rows = try await attempt(sql) else { throw closedBecause }
        return rows
    }

    /// Ends the connection; a statement that runs fails. Closing twice is as good as once.
    package func close() { end(.lost("closed by this program")) }

    // MARK: For the pool, transactions, listeners and migrations

    /// Runs one statement; nil if the connection turned out to be dead before the statement could have run.
    func attempt(_ sql: SQL, cancellable: Bool = true) async throws(PostgresError) -> Rows? {
        try await turn.enter(within: settings.statementTimeout + DatabaseSettings.answerGrace)
        defer { turn.leave() }
        guard isAlive() else { return nil }
        do {
            return try await execute(sql, cancellable: cancellable)
        } catch  where error.isStalePlan && !isInTransaction {
            statements.forget(sql)
            return try await execute(sql, cancellable: cancellable)
        } catch {
            if error.isStalePlan { statements.forget(sql) }
            var told = error
            told.statement = sql.text
            throw told
        }
    }

    /// Runs several statements at once by the simple protocol, without parameters or results.
    func script(_ text: String, within limit: Duration) async throws(PostgresError) {
        try await turn.enter(within: limit)
        defer { turn.leave() }
        guard isAlive() else { throw closedBecause }
        _ = try await ask(.script(text), within: limit)
    }

    var isInTransaction: Bool { handle?.isInTransaction ?? false }

    /// Payloads of what this connection listens to; ends with the connection. One reader at a time.
    func notificationStream() -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: String.self, bufferingPolicy: .bufferingNewest(Self.notificationLimit))
        notifications = continuation
        if handle == nil { continuation.finish() }
        return stream
    }
}

// MARK: Statements

extension Connection {
    private func execute(_ sql: SQL, cancellable: Bool) async throws(PostgresError) -> Rows {
        guard sql.parameters.bytes.count <= SQL.Parameters.limit else {
            throw PostgresError("54000", "a statement may bind \(SQL.Parameters.limit) bytes, not \(sql.parameters.bytes.count)")
        }
        var statement: PreparedStatements.Statement
        if let known = statements.find(sql) {
            statement = known
        } else {
            statement = try await prepare(sql, cancellable: cancellable)
        }
        let question = Question.execute(name: statement.name, sql.parameters)
        let rows = try await ask(question, columns: statement.columns, within: statementLimit, cancellable: cancellable)
        if statement.columns == nil {
            statement.columns = rows.columns
            statements.keep(statement, for: sql)
        }
        return rows
    }

    private func prepare(_ sql: SQL, cancellable: Bool) async throws(PostgresError) -> PreparedStatements.Statement {
        if statements.isFull {
            _ = try await ask(.script("deallocate all"), within: statementLimit, cancellable: cancellable)
            statements.forgetAll()
        }
        let statement = PreparedStatements.Statement(name: statements.newName(), types: sql.parameters.types)
        _ = try await ask(.prepare(name: statement.name, sql), within: statementLimit, cancellable: cancellable)
        statements.keep(statement, for: sql)
        return statement
    }

    private var statementLimit: Duration { settings.statementTimeout + DatabaseSettings.answerGrace }

    /// Sends one question and waits for the whole answer.
    private func ask(
        _ question: Question, columns: [Rows.Column]? = nil, within limit: Duration, cancellable: Bool = true
    ) async throws(PostgresError) -> Rows {
        if cancellable, Task.isCancelled { throw .cancelled }
        earlyResult = nil
        hasEarlyInput = false
        guard handle?.send(question) == true else {
            let error = PostgresError("08000", "cannot send a statement: \(handle?.errorMessage ?? closedBecause.message)")
            // Nobody knows what libpq expects next: better a new connection than a confused one.
            end(error)
            throw error
        }
        flush()
        return try await answer(columns: columns, within: limit, cancellable: cancellable).get()
    }

    private func answer(columns: [Rows.Column]?, within limit: Duration, cancellable: Bool) async -> Result<Rows, PostgresError> {
        guard handle != nil else { return .failure(closedBecause) }
        lastExchange += 1
        let id = lastExchange
        reactor.setDeadline(.now + limit, of: token)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange = Exchange(id: id, columns: columns, continuation: continuation)
                if let earlyResult { finish(earlyResult) } else if hasEarlyInput { receive() }
            }
        } onCancel: {
            guard cancellable else { return }
            Task(executorPreference: reactor) { await self.abandon(id) }
        }
    }

    private func finish(_ result: Result<Rows, PostgresError>) {
        guard let exchange else {
            earlyResult = result
            return
        }
        self.exchange = nil
        reactor.setDeadline(nil, of: token)
        exchange.continuation.resume(returning: result)
    }

    private func abandon(_ id: UInt64) {
        if exchange?.id == id { end(.cancelled) }
    }
}

// MARK: Socket

extension Connection {
    private func connect() async throws(PostgresError) {
        guard let handle = await Dialer.shared.dial(settings) else { throw PostgresError("08001", "out of memory") }
        let isHopeless = handle.isBad
        self.handle = consume handle
        token = reactor.add(self)
        isConnecting = true
        earlyResult = nil
        hasEarlyInput = false
        if isHopeless {
            end(PostgresError("08001", "cannot connect: \(self.handle?.errorMessage ?? "")"))
        } else {
            watch(read: false, write: true)
        }
        _ = try await answer(columns: nil, within: settings.connectTimeout, cancellable: true).get()
        _ = try await ask(.script(settings.sessionSetup), within: settings.connectTimeout)
    }

    private func continueConnecting() {
        // Libpq may go on with another socket, for the next address or without encryption.
        if let socket = handle?.socket { reactor.unwatch(socket) }
        switch handle?.continueConnecting() {
        case .read: watch(read: true, write: false)
        case .write: watch(read: false, write: true)
        case .connected:
            isConnecting = false
            watch(read: true, write: false)
            finish(.success(.none))
        case .failed, nil: end(PostgresError("08001", "cannot connect: \(handle?.errorMessage ?? "")"))
        }
    }

    /// The reactor saw something at the socket.
    func ready() {
        guard !isConnecting else { return continueConnecting() }
        if isWriting { flush() }
        receive()
    }

    /// The reactor says that the deadline has passed.
    func expire() {
        end(isConnecting ? PostgresError("08001", "cannot connect: no answer in time") : .lost("no answer in time"))
    }

    private func receive() {
        guard handle != nil else { return }
        let isOpen = handle?.consumeInput() ?? false
        hasEarlyInput = exchange == nil
        while exchange != nil, handle?.isBusy == false {
            guard let result = handle?.nextResult(columns: exchange?.columns) else {
                let result = exchange?.result
                finish(result ?? .failure(.lost("the server said nothing")))
                break
            }
            exchange?.add(result)
            if handle?.isBad == true { break }
        }
        while let payload = handle?.nextNotification() { notifications?.yield(payload) }
        if !isOpen || handle?.isBad == true { end(.lost(handle?.errorMessage ?? "")) }
    }

    private func flush() {
        let isMore: Bool
        switch handle?.flush() {
        case .done: isMore = false
        case .more: isMore = true
        case .failed, nil: return end(.lost(handle?.errorMessage ?? ""))
        }
        guard isMore != isWriting else { return }
        isWriting = isMore
        watch(read: true, write: isMore)
    }

    private func watch(read: Bool, write: Bool) {
        if let socket = handle?.socket { reactor.watch(socket, of: token, read: read, write: write) }
    }

    /// Whether a statement may be sent. Notices the end of a server that the reactor has not told us of yet.
    private func isAlive() -> Bool {
        for _ in 0..<Self.drainLimit {
            guard handle?.hasUnread == true else { break }
            receive()
        }
        return handle != nil
    }

    /// Closes the connection. A question that is on its way gets what the server said last, else the error.
    private func end(_ error: PostgresError) {
        guard handle != nil else { return }
        closedBecause = error
        reactor.remove(token)
        if let socket = handle?.socket { reactor.unwatch(socket) }
        handle = nil
        isConnecting = false
        statements.forgetAll()
        notifications?.finish()
        if case .failure(let said) = exchange?.result, !error.isCancellation {
            finish(.failure(said.isConnectionLost ? said : error))
        } else {
            finish(.failure(error))
        }
    }
}
