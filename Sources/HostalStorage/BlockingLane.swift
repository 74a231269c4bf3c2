import HostalSystem

/// A thread of its own for work that blocks for minutes; one piece of work at a time.
actor BlockingLane {
    private let executor: ThreadExecutor
    init(name: String) { executor = ThreadExecutor(name: name) }
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Everything that `work` does itself runs on this thread; what it awaits elsewhere does not hold it up.
    func perform<Value: Sendable>(_ work: @Sendable () async throws -> Value) async throws -> Value { try await work() }
}
