/// How long requests may take and how long answers may be.
package struct ClientLimits: Sendable, Hashable {
    package var connect = Duration.seconds(10)
    /// One request from its start to the end of its answer.
    package var whole = Duration.seconds(60)
    /// Bytes of an answer.
    package var body = 8 << 20

    package init() {}
}

/// Asks one API on one account's behalf, and asks again where that is safe.
///
/// Blocks its thread: for programs that have one, or for a thread of its own, never for Swift's pool. Not for two threads at once.
package final class APIClient {
    package let endpoint: Endpoint
    private let token: String
    private let userAgent: String
    private let limits: ClientLimits
    private let authorities: String?
    private let rule: RetryRule
    private var transport: Transport?
    /// Told before each pause: what went wrong, and how long the pause is.
    package var onPause: (String, Duration) -> Void = { _, _ in }

    /// - Parameters:
    ///   - token: goes into the Authorization header of each request, and nowhere else.
    ///   - authorities: a PEM file of those that may vouch for the API, in place of the system's.
    package init(
        endpoint: Endpoint, token: String, userAgent: String, limits: ClientLimits = ClientLimits(),
        rule: RetryRule = RetryRule(),
        authorities: String? = nil
    ) {
        self.authorities = authorities
        self.endpoint = endpoint
        self.token = token
        self.userAgent = userAgent
        self.limits = limits
        self.rule = rule
    }

    /// Throws an `APIFailure`, the last attempt's.
    package func send(_ request: APIRequest) throws(APIFailure) -> APIAnswer {
        let start = ContinuousClock.now
        var attempt = 0
        while true {
            attempt += 1
            let result = once(request, attempt: attempt)
            let (outcome, failure): (RetryRule.Outcome, APIFailure)
            switch result {
            case .answered(let answer): return answer
            case .failed(let what, let why): (outcome, failure) = (what, why)
            }
            let pause = rule.pause(
                after: outcome, of: request, attempt: attempt, elapsed: .now - start, jitter: .random(in: 0..<1))
            guard let pause else { throw failure }
            onPause(failure.summary, pause)
            HostalClient.pause(for: pause)
        }
    }

    /// The same API and token with other limits.
    package func impatient(_ limits: ClientLimits, _ rule: RetryRule) -> APIClient {
        APIClient(endpoint: endpoint, token: token, userAgent: userAgent, limits: limits, rule: rule, authorities: authorities)
    }

    private var headers: [String] {
        ["Authorization: Bearer \(token)", "User-Agent: \(userAgent)", "Accept: application/json", "Expect:"]
    }

    /// Asks for an answer that comes bit by bit. `sink` gets its bytes, and ends it with false; `trailer` says why it ended. Asked once.
    package func stream(_ path: String, trailer: String, sink: @escaping ([UInt8]) -> Bool) throws(APIFailure) -> RawStream {
        let stream = RawStream(
            endpoint.root + path, headers: headers, connect: limits.connect, authorities: authorities,
            trailer: trailer, sink: sink)
        guard let stream else {
            throw .unreachable(address: endpoint.root, reason: "libcurl cannot start", mayHaveArrived: false)
        }
        return stream
    }

    private enum Result {
        case answered(APIAnswer)
        case failed(RetryRule.Outcome, APIFailure)
    }

    private func once(_ request: APIRequest, attempt: Int) -> Result {
        if transport == nil { transport = Transport(limits: limits, authorities: authorities) }
        guard let transport else {
            return .failed(
                .noAnswer(mayHaveArrived: false),
                .unreachable(address: endpoint.root, reason: "libcurl cannot start", mayHaveArrived: false))
        }
        var headers = self.headers
        if let key = request.idempotencyKey { headers.append("Idempotency-Key: \(key)") }
        if request.body != nil { headers.append("Content-Type: application/json") }
        if request.bytes != nil { headers.append("Content-Type: application/octet-stream") }
        let reply: Transport.Reply
        do throws(Transport.NoReply) {
            reply = try transport.send(
                request.method.rawValue, endpoint.root + request.target, headers: headers,
                body: request.bytes ?? request.body.map { Array($0.compact.utf8) })
        } catch {
            return .failed(
                .noAnswer(mayHaveArrived: error.mayHaveArrived),
                .unreachable(address: endpoint.root, reason: error.reason, mayHaveArrived: error.mayHaveArrived))
        }
        return judge(reply, attempt: attempt)
    }

    private func judge(_ reply: Transport.Reply, attempt: Int) -> Result {
        let outcome = RetryRule.Outcome.status(reply.status, retryAfter: reply.retryAfter)
        func unreadable(_ reason: String) -> Result {
            .failed(outcome, .unreadable(address: endpoint.root, status: reply.status, reason: reason))
        }
        var body = JSON.null
        if !reply.body.isEmpty {
            do throws(JSONError) { body = try JSON(parsing: reply.body) } catch {
                return unreadable("the answer is not JSON: \(error)")
            }
        }
        switch reply.status {
        case 200..<300:
            return .answered(APIAnswer(status: reply.status, body: body, correlationID: reply.correlationID, attempts: attempt))
        case 400...:
            guard let refusal = APIFailure.Refusal(status: reply.status, body: body, correlationID: reply.correlationID) else {
                return unreadable("the answer has no error in it")
            }
            return .failed(outcome, .refused(refusal))
        default:
            return unreadable("it sends its callers elsewhere, which is not followed")
        }
    }
}

extension APIFailure {
    /// In a few words.
    package var summary: String {
        switch self {
        case .refused(let refusal): "\(refusal.message) (\(refusal.code))"
        case .unreachable(_, let reason, _): reason
        case .unreadable(_, let status, let reason): "status \(status): \(reason)"
        }
    }
}
