import FoundationEssentials
package import HostalDatabase
package import HostalProvisioning
import HostalWire

/// The customers' API without its transport: answers one request after another, and any number at once.
///
/// Every request passes, in this order: correlation id and access log, size, token, the token's access, rate limit, endpoint.
package struct APIService: Sendable {
    /// Of a body, in bytes.
    package static let bodyLimit = 65_536
    /// Of an `Idempotency-Key`, in characters.
    static let keyLimit = 255

    let database: Database
    let settings: APISettings
    let steps: [String: [String]]
    let report: @Sendable (String) -> Void
    let routes: RouteTable
    let tokens: TokenStore
    private let rateLimit: RateLimit
    /// Operators' tokens have numbers of their own.
    let operatorsLimit: RateLimit
    private let typingLimit = RateLimit(perHour: ConsoleLimits.inputsPerHour)
    let consoles: ConsoleSessions?

    /// `steps` are the names of each workflow's steps, for dry runs. `report` gets one line for each request and for each of our own
    /// failures, without bodies, queries or tokens. Nil `consoles`: no server's serial line can be had here.
    package init(
        database: Database, settings: APISettings, steps: [String: [String]], consoles: (any Consoles)? = nil,
        consoleLimits: ConsoleLimits = ConsoleLimits(), report: @escaping @Sendable (String) -> Void
    ) {
        self.database = database
        self.settings = settings
        self.steps = steps
        self.report = report
        routes = RouteTable(Endpoint.all)
        tokens = TokenStore(database: database)
        rateLimit = RateLimit(perHour: settings.requestsPerHour)
        operatorsLimit = RateLimit(perHour: settings.requestsPerHour)
        self.consoles = consoles.map { ConsoleSessions($0, database: database, limits: consoleLimits, report: report) }
    }

    /// Whether the answer may come bit by bit.
    package func isStreamed(_ method: String, _ path: String) -> Bool {
        guard case .found(let endpoint, _) = routes.match(method, path) else { return false }
        return endpoint.manner == .streaming
    }

    package func answer(_ request: APIRequest) async -> APIAnswer {
        let started = ContinuousClock.now
        var visit = Visit()
        var answer: APIAnswer
        do {
            answer = try await admit(request, &visit)
        } catch {
            answer = refuse(error, visit)
        }
        answer.headers += visit.headers
        answer.headers.append(("X-Correlation-ID", visit.id))
        let elapsed = started.duration(to: .now)
        let milliseconds = elapsed.components.seconds * 1_000 + elapsed.components.attoseconds / 1_000_000_000_000_000
        report(
            "api id=\(visit.id) method=\(Self.word(request.method)) path=\(visit.path) status=\(answer.status) ms=\(milliseconds)"
                + " account=\(visit.bearer.map { "\($0.account)" } ?? "-") token=\(visit.bearer.map { "\($0.token)" } ?? "-")"
                + (visit.operator.map { " operator=\($0.token)" } ?? ""))
        return answer
    }

    /// What becomes known of a request on its way.
    struct Visit {
        let id = UUID().uuidString.lowercased()
        /// The route's template, never what was sent.
        var path = "-"
        var bearer: TokenBearer?
        var `operator`: OperatorBearer?
        var headers: [(name: String, value: String)] = []
    }

    private func admit(_ request: APIRequest, _ visit: inout Visit) async throws -> APIAnswer {
        let match = routes.match(request.method, request.path)
        switch match {
        case .found(let endpoint, _): visit.path = endpoint.path
        case .wrongMethod(let path, _): visit.path = path
        case .nothing: break
        }
        guard request.body.count <= Self.bodyLimit else { throw Refusal.tooLarge }
        if case .found(let endpoint, _) = match, case .open(let work) = endpoint.work { return try work() }

        if Self.isOperators(request.path) { return try await admitOperator(request, match, &visit) }

        guard let token = Self.presented(request), let bearer = try await tokens.bearer(of: token) else {
            visit.headers.append(("WWW-Authenticate", "Bearer"))
            throw Refusal.unauthorized
        }
        visit.bearer = bearer
        var endpoint: Endpoint?
        if case .found(let found, _) = match { endpoint = found }
        guard endpoint?.isFor(bearer.access) ?? (bearer.access == .readWrite || request.method == "GET") else {
            throw Refusal.readOnly
        }
        try Self.spend(endpoint?.manner == .typing ? typingLimit : rateLimit, bearer.token, &visit)

        switch match {
        case .nothing: throw Refusal.notFound("this path")
        case .wrongMethod(_, let allowed):
            visit.headers.append(("Allow", allowed.joined(separator: ", ")))
            throw Refusal.wrongMethod(allowed)
        case .found(let endpoint, let parameters):
            return try await carryOut(endpoint, parameters, request, bearer)
        }
    }

    /// The token of `Authorization: Bearer …`; nil when there is none.
    static func presented(_ request: APIRequest) -> String? {
        let words = request.authorization?.split(separator: " ") ?? []
        return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }

    /// Counts a request, and says in the answer's headers how many are left. Throws a refusal when none is.
    static func spend(_ limit: RateLimit, _ token: Int64, _ visit: inout Visit) throws {
        let verdict = limit.take(token)
        visit.headers += [
            ("RateLimit-Limit", "\(verdict.limit)"), ("RateLimit-Remaining", "\(verdict.remaining)"),
            ("RateLimit-Reset", "\(Int(Date.now.timeIntervalSince1970) + verdict.fullIn)"),
        ]
        guard verdict.isAllowed else {
            // When the next request is refilled.
            visit.headers.append(("Retry-After", "\((3_600 + verdict.limit - 1) / verdict.limit)"))
            throw Refusal.rateLimited
        }
    }

    private func carryOut(_ endpoint: Endpoint, _ parameters: [String: Int64], _ request: APIRequest, _ bearer: TokenBearer)
        async throws
        -> APIAnswer
    {
        let query = try Query(request.query)
        switch endpoint.work {
        case .open(let work): return try work()
        // Operators' routes end before this.
        case .absent, .oversee, .operate: throw Refusal.absent
        case .direct(let work):
            return try await work(
                Direct(
                    bearer: bearer, database: database, consoles: consoles, parameters: parameters, body: request.body,
                    isDryRun: try query.flag("dry_run")))
        case .read(let work):
            return try await work(
                Reading(account: bearer.account, database: database, settings: settings, parameters: parameters, query: query))
        case .change(let work):
            let isDryRun = try query.flag("dry_run")
            let key = try Self.checked(request.idempotencyKey)
            do {
                return try await database.transaction { transaction in
                    let changing = Changing(
                        account: bearer.account, transaction: transaction, settings: settings, parameters: parameters,
                        body: request.body,
                        steps: steps)
                    if isDryRun { throw OnlyTried(effect: try await work(changing).effect) }
                    guard let key else { return try await work(changing).answer }
                    return try await once(key, request, changing, work)
                }
            } catch let tried as OnlyTried {
                return try APIAnswer(encoding: DryRunAnswer(dryRun: tried.effect))
            }
        }
    }

    /// Rolls a dry run back.
    struct OnlyTried: Error {
        var effect: DryRun
    }

    private func once(
        _ key: String, _ request: APIRequest, _ changing: Changing, _ work: @Sendable (Changing) async throws -> Change
    ) async throws -> APIAnswer {
        let store = IdempotencyStore(changing.transaction)
        let fingerprint = Array("\(request.method) \(request.path)\n".utf8) + request.body
        switch try await store.claim(key, of: changing.account, request: fingerprint) {
        case .anotherRequest: throw Refusal.keyReused
        case .repeated(let status, let body):
            return APIAnswer(status: status, body: status == 204 ? [] : Array(body.text.utf8))
        case .first:
            let change = try await work(changing)
            let kept = change.kept.isEmpty ? "null" : String(decoding: change.kept, as: UTF8.self)
            try await store.record(key, of: changing.account, status: change.answer.status, body: JSONText(text: kept))
            return change.answer
        }
    }

    private static func checked(_ key: String?) throws -> String? {
        guard let key else { return nil }
        guard (1...keyLimit).contains(key.utf8.count), key.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw Refusal.invalid("Idempotency-Key", "must be 1 to \(keyLimit) visible ASCII characters")
        }
        return key
    }

    private func refuse(_ error: any Error, _ visit: Visit) -> APIAnswer {
        var refusal = Refusal.failed
        if let known = error as? Refusal {
            refusal = known
        } else if let error = error as? PostgresError, let known = Refusal(error) {
            refusal = known
            // A refused order says so to its customer; the rest is for operators too.
            if known.status >= 500 { report("api id=\(visit.id) failed: \(error)") }
        } else {
            report("api id=\(visit.id) failed: \(error)")
        }
        var answer = (try? APIAnswer(refusal.status, encoding: refusal.body)) ?? APIAnswer(status: refusal.status)
        if refusal == .away { answer.headers.append(("Retry-After", "1")) }
        return answer
    }

    /// A method as it may stand in a log: what clients send is not ours.
    private static func word(_ method: String) -> String {
        ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].contains(method) ? method : "OTHER"
    }
}
