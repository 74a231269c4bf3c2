/// Listens to one channel on a connection of its own, and connects again whenever that is lost.
struct Listener: Sendable {
    let settings: DatabaseSettings
    let channel: String
    let output: AsyncStream<String>.Continuation

    /// Until the task is cancelled. `attempted` is called once, when the first attempt to listen has succeeded or failed.
    func run(attempted: @Sendable () -> Void) async {
        var attempts = 0
        var backoff = Backoff(first: .milliseconds(50), limit: .seconds(5))
        repeat {
            do {
                let connection = try await Connection.open(settings)
                let notifications = await connection.notificationStream()
                _ = try await connection.query("listen \(unsafe: quoted(channel))")
                if attempts == 0 { attempted() } else { output.yield("") }
                attempts += 1
                backoff.reset()
                for await payload in notifications { output.yield(payload) }
            } catch {
                // Whatever it was, it may pass: nobody waits for an answer, and the stream's reader polls as well.
                if attempts == 0 { attempted() }
                attempts += 1
            }
        } while await backoff.wait()
        output.finish()
    }

    private func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}

/// Pauses that double up to a limit.
struct Backoff {
    private let first: Duration
    private let limit: Duration
    private var next: Duration

    init(first: Duration, limit: Duration) {
        self.first = first
        self.limit = limit
        next = first
    }

    mutating func reset() { next = first }

    /// False when the task is cancelled.
    mutating func wait() async -> Bool {
        do { try await Task.sleep(for: next) } catch { return false }
        next = min(next * 2, limit)
        return true
    }
}
