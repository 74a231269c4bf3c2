import HostalClient
import Testing

@Suite struct RetryRuleTests {
    private let rule = RetryRule()
    private let read = APIRequest(.get, "/servers")
    private let change = APIRequest(.post, "/servers", idempotencyKey: "k")
    private let bare = APIRequest(.post, "/servers")

    private func pause(_ outcome: RetryRule.Outcome, _ request: APIRequest, attempt: Int = 1, elapsed: Duration = .zero)
        -> Duration?
    {
        rule.pause(after: outcome, of: request, attempt: attempt, elapsed: elapsed, jitter: 0.99)
    }

    @Test(arguments: [502, 503, 504, 429])
    func whatPassesIsTriedAgain(_ status: Int) {
        #expect(pause(.status(status, retryAfter: nil), read) != nil)
        #expect(pause(.status(status, retryAfter: nil), change) != nil)
    }

    @Test(arguments: [400, 401, 404, 409, 422, 423, 500, 501])
    func whatStaysIsNotTriedAgain(_ status: Int) {
        #expect(pause(.status(status, retryAfter: nil), read) == nil)
        #expect(pause(.status(status, retryAfter: nil), change) == nil)
    }

    @Test func aChangeWithoutAKeyIsRepeatedOnlyIfItCannotHaveArrived() {
        #expect(pause(.noAnswer(mayHaveArrived: false), bare) != nil)
        #expect(pause(.noAnswer(mayHaveArrived: true), bare) == nil)
        #expect(pause(.status(503, retryAfter: nil), bare) == nil)
        #expect(pause(.noAnswer(mayHaveArrived: true), change) != nil)
        #expect(pause(.noAnswer(mayHaveArrived: true), read) != nil)
    }

    @Test func theServersWishForAPauseIsKept() {
        #expect(pause(.status(429, retryAfter: .seconds(7)), read) == .seconds(7))
        #expect(pause(.status(503, retryAfter: .seconds(7)), change) == .seconds(7))
    }

    @Test func aPauseThatWouldEndTooLateIsNotBegun() {
        #expect(pause(.status(429, retryAfter: .seconds(61)), read) == nil)
        #expect(pause(.status(503, retryAfter: nil), read, elapsed: .seconds(60)) == nil)
    }

    @Test func attemptsEnd() {
        #expect(pause(.status(503, retryAfter: nil), read, attempt: rule.attempts - 1) != nil)
        #expect(pause(.status(503, retryAfter: nil), read, attempt: rule.attempts) == nil)
    }
}
