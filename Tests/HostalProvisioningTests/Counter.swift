import Synchronization

final class Counter: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}

/// True for the first caller only.
final class Once: Sendable {
    private let value = Mutex(false)
    var happened: Bool { value.withLock { $0 } }
    func first() -> Bool {
        value.withLock { done in
            defer { done = true }
            return !done
        }
    }
}
