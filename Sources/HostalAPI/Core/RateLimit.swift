import Synchronization

/// A token bucket for each API token: refilled evenly over an hour, so that a burst may use up at most an hour's requests.
///
/// In memory: each `hostald` counts for itself, and forgets when it starts again.
final class RateLimit: Sendable {
    struct Verdict: Sendable, Equatable {
        var isAllowed: Bool
        var limit: Int
        var remaining: Int
        /// Seconds until the bucket is full.
        var fullIn: Int
    }

    private struct Bucket {
        var left: Double
        var at: ContinuousClock.Instant
    }

    /// Tokens that are remembered; beyond that those whose buckets are full again are forgotten.
    static let memory = 100_000
    private let perHour: Int
    private let buckets = Mutex<[Int64: Bucket]>([:])

    init(perHour: Int) { self.perHour = perHour }

    func take(_ token: Int64, at now: ContinuousClock.Instant = .now) -> Verdict {
        buckets.withLock { buckets in
            if buckets.count >= Self.memory {
                buckets = buckets.filter { refilled($0.value, at: now) < Double(perHour) }
                if buckets.count >= Self.memory { buckets = [:] }
            }
            var bucket = buckets[token] ?? Bucket(left: Double(perHour), at: now)
            bucket.left = refilled(bucket, at: now)
            bucket.at = now
            let isAllowed = bucket.left >= 1
            if isAllowed { bucket.left -= 1 }
            buckets[token] = bucket
            let missing = Double(perHour) - bucket.left
            return Verdict(
                isAllowed: isAllowed, limit: perHour, remaining: Int(bucket.left),
                fullIn: Int((missing / Double(perHour) * 3_600).rounded(.up)))
        }
    }

    private func refilled(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let seconds = Double((now - bucket.at).components.seconds) + Double((now - bucket.at).components.attoseconds) / 1e18
        return min(Double(perHour), bucket.left + seconds * Double(perHour) / 3_600)
    }
}
