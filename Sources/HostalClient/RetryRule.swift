/// When a request is sent again, and after how long. A value: it decides, others wait.
///
/// Repeats are safe because a change carries its Idempotency-Key each time. Whatever is tried, all of it ends within `patience` and one
/// request's time.
package struct RetryRule: Sendable, Hashable {
    /// How often a request is sent at most.
    package var attempts = 4
    package var firstPause = Duration.milliseconds(500)
    package var longestPause = Duration.seconds(10)
    /// From the first request on; a pause that would end later is not begun.
    package var patience = Duration.seconds(60)

    package init() {}

    package enum Outcome: Sendable, Hashable {
        /// `retryAfter` is what the server asked for, if it did.
        case status(Int, retryAfter: Duration?)
        case noAnswer(mayHaveArrived: Bool)
    }

    /// Nil: no further attempt. `jitter` is from 0 up to 1.
    package func pause(
        after outcome: Outcome, of request: APIRequest, attempt: Int, elapsed: Duration, jitter: Double
    ) -> Duration? {
        guard attempt < attempts else { return nil }
        var pause = min(longestPause, firstPause * (1 << min(attempt - 1, 16)))
        // A share of chance, so that clients that failed together do not come back together.
        pause = pause * (0.5 + jitter / 2)
        switch outcome {
        case .status(429, let retryAfter):
            pause = max(pause, retryAfter ?? .zero)
        case .status(let status, let retryAfter) where [502, 503, 504].contains(status) && request.isRepeatable:
            pause = max(pause, retryAfter ?? .zero)
        case .noAnswer(let mayHaveArrived) where request.isRepeatable || !mayHaveArrived:
            break
        default:
            return nil
        }
        return elapsed + pause <= patience ? pause : nil
    }
}
