import HostalSystem

/// A thread of its own for work that blocks for minutes; one piece of work at a time.
actor BlockingLane {
    private let executor: ThreadExecutor
    init(name: String) { executor = ThreadExecutor(name: name) }
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    // Not async, on purpose: Swift 6.3 lets some async closures leave for a thread of the pool, which they would block.
    func perform<Value: Sendable>(_ work: @Sendable () throws -> Value) throws -> Value { try work() }
}
