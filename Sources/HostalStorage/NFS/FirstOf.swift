/// What comes first of several pieces of work that may never end. The others are cancelled and not waited for: this is for work that blocks in
/// the kernel, which no task can be rid of.
func first<Value: Sendable>(of work: [@Sendable () async throws -> Value]) async throws -> Value {
    let (results, end) = AsyncStream.makeStream(of: Result<Value, any Error>.self, bufferingPolicy: .bufferingOldest(1))
    let tasks = work.map { work in
        Task.detached {
            do { end.yield(.success(try await work())) } catch { end.yield(.failure(error)) }
        }
    }
    defer { for task in tasks { task.cancel() } }
    for await result in results { return try result.get() }
    throw CancellationError()
}
