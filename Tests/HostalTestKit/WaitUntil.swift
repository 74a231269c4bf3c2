package struct NotInTime: Error, CustomStringConvertible {
    package var what: String
    package var limit: Duration
    package init(what: String, limit: Duration) {
        self.what = what
        self.limit = limit
    }
    package var description: String { "not within \(limit): \(what)" }
}

/// Waits on a condition, never on a time: asks every 20 ms until it holds, and throws when it does not within the limit.
package func waitUntil(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < end else { throw NotInTime(what: what, limit: limit) }
        try await Task.sleep(for: .milliseconds(20))
    }
}
