import HostalDatabase
import HostalModel
import HostalProvisioning
import Synchronization

/// The consoles that this process has open. Each is known here alone: requests about it must come to the process that opened it.
final class ConsoleSessions: Sendable {
    private let consoles: any Consoles
    private let database: Database
    let limits: ConsoleLimits
    private let report: @Sendable (String) -> Void
    private struct State {
        var sessions: [Int64: ConsoleSession] = [:]
        /// Accounts of those that are being opened.
        var opening: [Int64] = []
        var isStopping = false
    }
    private let state = Mutex(State())

    init(_ consoles: any Consoles, database: Database, limits: ConsoleLimits, report: @escaping @Sendable (String) -> Void) {
        self.consoles = consoles
        self.database = database
        self.limits = limits
        self.report = report
    }

    /// Throws a refusal. `force` ends whoever has the server's line.
    func open(_ server: Int64, _ place: ConsoleStore.Place, for bearer: TokenBearer, force: Bool) async throws -> ConsoleSession {
        guard let host = place.host else { throw Refusal.consoleOff }
        try begin(bearer.account)
        defer { ended(bearer.account) }
        let holder = state.withLock { $0.sessions.values.first { $0.server == server } }
        if let holder {
            guard force else { throw Refusal.consoleInUse }
            await holder.finish(.takenOver)
        }
        let line: any SerialLine
        do {
            line = try await consoles.open(place.guest, of: ServerID(server), on: host, force: force)
        } catch let failure as ConsoleFailure {
            throw refusal(failure, server)
        }
        let session = ConsoleSession(
            id: .random(in: 1..<1 << 48), server: server, bearer: (bearer.account, bearer.token), line: line,
            onEnd: { [self] in ended($0, $1) })
        do {
            try await ConsoleStore(database).recordOpening(session.id, of: server, account: bearer.account, token: bearer.token)
        } catch {
            await line.close()
            throw error
        }
        let isKept = state.withLock { state in
            if !state.isStopping { state.sessions[session.id] = session }
            return !state.isStopping
        }
        guard isKept else {
            await line.close()
            throw Refusal.away
        }
        Task { await watch(session) }
        return session
    }

    /// Throws a refusal when the account has no such session on this server here.
    func session(_ id: Int64, on server: Int64, of account: Int64) throws -> ConsoleSession {
        let session = state.withLock { $0.sessions[id] }
        guard let session, session.account == account, session.server == server, session.end == nil else {
            throw Refusal.notFound("the console")
        }
        return session
    }

    func refusal(_ failure: ConsoleFailure, _ server: Int64) -> Refusal {
        switch failure {
        case .off: return .consoleOff
        case .inUse: return .consoleInUse
        case .closed: return .notFound("the console")
        case .noAddress:
            report(
                "console of server \(server): its host has no libvirt address: run 'hostalctl host set NAME --libvirt-uri URI'")
            return .consoleWithoutAddress
        case .unreachable(let cause):
            report("console of server \(server): \(cause)")
            return .consoleUnreachable
        }
    }

    /// Ends all, for good.
    func stop() async {
        let sessions = state.withLock { state in
            state.isStopping = true
            return Array(state.sessions.values)
        }
        for session in sessions { await session.finish(.stopping) }
    }

    private func begin(_ account: Int64) throws {
        try state.withLock { state in
            guard !state.isStopping else { throw Refusal.away }
            let mine = state.sessions.values.count { $0.account == account } + state.opening.count { $0 == account }
            guard mine < limits.perAccount else {
                throw Refusal(
                    status: 403, code: "limit_reached",
                    message: "the account has \(limits.perAccount) consoles open: close one first")
            }
            guard state.sessions.count + state.opening.count < limits.perProcess else {
                throw Refusal(status: 503, code: "service_error", message: "too many consoles are open: try again later")
            }
            state.opening.append(account)
        }
    }

    private func ended(_ account: Int64) {
        state.withLock { state in
            if let index = state.opening.firstIndex(of: account) { state.opening.remove(at: index) }
        }
    }

    private func ended(_ session: ConsoleSession, _ why: ConsoleSession.End) {
        state.withLock { _ = $0.sessions.removeValue(forKey: session.id) }
        let seconds = (ContinuousClock.now - session.opened).components.seconds
        report(
            "console of server \(session.server) ended after \(seconds) s: \(why.rawValue) account=\(session.account) token=\(session.token)"
        )
    }

    private func watch(_ session: ConsoleSession) async {
        while session.end == nil {
            // Nobody cancels it: the session's end does.
            try? await Task.sleep(for: limits.look)
            if let why = session.overdue(limits) { return await session.finish(why) }
            let isAllowed = try? await ConsoleStore(database).isAllowed(
                token: session.token, account: session.account, server: session.server)
            // A database that is away for a moment ends nobody's work.
            if isAllowed == false { return await session.finish(.tokenRevoked) }
        }
    }
}

extension Refusal {
    static let consoleOff = Refusal(
        status: 409, code: "conflict", message: "the server is off: a console needs one that has power")
    static let consoleInUse = Refusal(
        status: 409, code: "conflict",
        message: "the server's console is open already: close it there, or take it over with 'force'")
    static let consoleWithoutAddress = Refusal(
        status: 503, code: "service_error",
        message: "consoles are not set up for this server's host: its operator must run 'hostalctl host set … --libvirt-uri …'")
    static let consoleUnreachable = Refusal(
        status: 503, code: "service_error", message: "the server's host does not give its console now: try again later")
}
