/// No answer came in time; what was asked may still happen.
struct NoAnswer: Error, CustomStringConvertible {
    var limit: Duration
    var description: String { "no answer within \(limit)" }
}

/// Waits at most `limit` for work that cannot be interrupted, such as a C call on another thread. Work that has not begun when nobody waits
/// any more sees its task cancelled. Throws `NoAnswer`, `CancellationError`, or what the work threw.
func answer<Value: Sendable>(within limit: Duration, _ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let (answers, out) = AsyncThrowingStream<Value, any Error>.makeStream()
    let worker = Task {
        do {
            out.yield(try await work())
            out.finish()
        } catch {
            out.finish(throwing: error)
        }
    }
    let alarm = Task {
        try await Task.sleep(for: limit)
        out.finish(throwing: NoAnswer(limit: limit))
    }
    defer {
        alarm.cancel()
        worker.cancel()
    }
    for try await value in answers { return value }
    throw CancellationError()
}
