import Synchronization

/// Lets a number of tasks in at once and keeps the others waiting in order, each for a bounded time.
final class Gate: Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: CheckedContinuation<PostgresError?, Never>
    }
    private struct State {
        var free: Int
        var waiters: [Waiter] = []
        var lastID: UInt64 = 0
        var shutBecause: PostgresError?
    }
    private let state: Mutex<State>
    private let waitsFor: String
    /// The most tasks that may wait at once; the next is refused with 53300.
    static let maximumWaiters = 10_000

    /// `waitsFor` completes the message «no … became free within 10 s».
    init(places: Int, waitsFor: String) {
        state = Mutex(State(free: places))
        self.waitsFor = waitsFor
    }

    /// Takes a place. Throws 53300 after `limit`, 57014 when the task is cancelled, and the gate's own error once it is shut.
    func enter(within limit: Duration) async throws(PostgresError) {
        let id: UInt64? = try take()
        guard let id else { return }
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            refuse(id, PostgresError("53300", "no \(waitsFor) became free within \(limit)"))
        }
        defer { timer.cancel() }
        let error = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(Waiter(id: id, continuation: continuation))
                if Task.isCancelled { refuse(id, .cancelled) }
            }
        } onCancel: {
            refuse(id, .cancelled)
        }
        if let error { throw error }
    }

    /// Gives the place to whoever waits longest.
    func leave() {
        let next = state.withLock { state -> Waiter? in
            guard !state.waiters.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiters.removeFirst()
        }
        next?.continuation.resume(returning: nil)
    }

    /// Every waiter, and every later caller, gets the error. Who is inside stays inside.
    func shut(_ error: PostgresError) {
        let waiters = state.withLock { state in
            state.shutBecause = error
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: error) }
    }

    var isShut: Bool { state.withLock { $0.shutBecause != nil } }

    /// Nil if there was a place; else the number to wait under.
    private func take() throws(PostgresError) -> UInt64? {
        let result = state.withLock { state -> Result<UInt64?, PostgresError> in
            if let error = state.shutBecause { return .failure(error) }
            if state.free > 0 {
                state.free -= 1
                return .success(nil)
            }
            guard state.waiters.count < Self.maximumWaiters else {
                return .failure(PostgresError("53300", "\(Self.maximumWaiters) tasks wait for a \(waitsFor) already"))
            }
            state.lastID += 1
            return .success(state.lastID)
        }
        return try result.get()
    }

    private func wait(_ waiter: Waiter) {
        // A place may have become free, or the gate been shut, since `take`.
        let answer = state.withLock { state -> PostgresError?? in
            if let error = state.shutBecause { return .some(error) }
            if state.free > 0 {
                state.free -= 1
                return .some(nil)
            }
            state.waiters.append(waiter)
            return nil
        }
        if let answer { waiter.continuation.resume(returning: answer) }
    }

    private func refuse(_ id: UInt64, _ error: PostgresError) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
            return state.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: error)
    }
}
