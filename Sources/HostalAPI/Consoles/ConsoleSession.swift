import HostalProvisioning
import Synchronization

/// One customer's hold on one server's serial line.
final class ConsoleSession: Sendable {
    /// Why it ended, in the words of the trailer `Console-End`.
    enum End: String, Sendable {
        /// The guest lost power, another program took the line over, or the host went away.
        case lineClosed = "line-closed"
        case takenOver = "taken-over"
        /// The guest sent more than was read.
        case tooSlow = "too-slow"
        case idle, lifetime
        case notRead = "not-read"
        /// The reader went away, or said that it is done.
        case closed
        case tokenRevoked = "token-revoked"
        case stopping
    }

    private struct State {
        var isRead = false
        var input = 0
        var lastUse = ContinuousClock.now
        var end: End?
    }

    let id: Int64
    let server: Int64
    let account: Int64
    let token: Int64
    let opened = ContinuousClock.now
    private let line: any SerialLine
    private let state = Mutex(State())
    private let onEnd: @Sendable (ConsoleSession, End) -> Void

    /// `onEnd` is told once.
    init(
        id: Int64, server: Int64, bearer: (account: Int64, token: Int64), line: any SerialLine,
        onEnd: @escaping @Sendable (ConsoleSession, End) -> Void
    ) {
        self.id = id
        self.server = server
        account = bearer.account
        token = bearer.token
        self.line = line
        self.onEnd = onEnd
    }

    /// False for the second reader: a session has one.
    func beginReading() -> Bool {
        state.withLock { state in
            defer { state.isRead = true }
            return !state.isRead
        }
    }

    /// What the guest has said, once there is something; nil at the end.
    func read() async -> [UInt8]? {
        guard let bytes = await line.read() else { return nil }
        state.withLock { $0.lastUse = .now }
        return bytes
    }

    /// Throws a refusal, or the line's failure.
    func write(_ bytes: [UInt8]) async throws {
        let fits = state.withLock { state in
            guard state.input + bytes.count <= ConsoleLimits.inputInAll else { return false }
            state.input += bytes.count
            state.lastUse = .now
            return true
        }
        guard fits else {
            throw Refusal(
                status: 403, code: "limit_reached",
                message:
                    "this console has taken \(ConsoleLimits.inputInAll) bytes of input, which is all that it takes: open another")
        }
        try await line.write(bytes)
    }

    /// What is over by now, if anything.
    func overdue(_ limits: ConsoleLimits, at now: ContinuousClock.Instant = .now) -> End? {
        state.withLock { state in
            if !state.isRead && now - opened > limits.attach { return .notRead }
            if now - state.lastUse > limits.idle { return .idle }
            return now - opened > limits.lifetime ? .lifetime : nil
        }
    }

    /// The reason; nil while it goes on.
    var end: End? { state.withLock { $0.end } }

    /// The first reason counts.
    func finish(_ why: End) async {
        let why = why == .lineClosed && line.isOverrun ? .tooSlow : why
        let isFirst = state.withLock { state in
            defer { state.end = state.end ?? why }
            return state.end == nil
        }
        if isFirst { onEnd(self, why) }
        await line.close()
    }
}
