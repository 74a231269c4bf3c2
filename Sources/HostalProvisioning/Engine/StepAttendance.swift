import HostalModel
import Synchronization

/// What a step that is under way reports: the newest, until it is taken.
private final class StepNotes: Sendable {
    /// Characters.
    private static let limit = 200
    private let newest = Mutex<String?>(nil)

    func write(_ text: String) { newest.withLock { $0 = String(text.prefix(Self.limit)) } }
    func take() -> String? {
        newest.withLock { newest in
            defer { newest = nil }
            return newest
        }
    }
}

extension JobRunner {
    private enum Part<Value: Sendable>: Sendable {
        case ended(Value)
        /// The order was cancelled while the step went on; false when the watch is over.
        case cancelled(Bool)
    }

    /// Runs one step. Meanwhile what it reports is written down, and with `mayCancel` its task is cancelled when its order is: it may still
    /// end well, which the second value of the answer tells. Throws `cancelledOnRequest` for one that was stopped.
    func attending<Value: Sendable>(
        _ job: Job, mayCancel: Bool, _ step: @escaping @Sendable (Job) async throws -> Value
    ) async throws -> (value: Value, isCancelled: Bool) {
        let notes = StepNotes()
        var attended = job
        attended.report = { notes.write($0) }
        return try await withThrowingTaskGroup(of: Part<Value>.self) { [attended] group in
            group.addTask { .ended(try await step(attended)) }
            group.addTask { .cancelled(await watch(job.lease, notes, mayCancel: mayCancel)) }
            defer { group.cancelAll() }
            var isCancelled = false
            do {
                for try await part in group {
                    switch part {
                    case .ended(let value): return (value, isCancelled)
                    case .cancelled(let now):
                        isCancelled = now
                        if now { group.cancelAll() }
                    }
                }
            } catch  where isCancelled && !(error is LeaseLost) {
                throw Failure.cancelledOnRequest
            }
            throw CancellationError()
        }
    }

    /// True as soon as the order is cancelled; false when the step has ended.
    private func watch(_ lease: Lease, _ notes: StepNotes, mayCancel: Bool) async -> Bool {
        while true {
            do { try await Task.sleep(for: settings.attendPause) } catch { return false }
            let news = notes.take()
            guard news != nil || mayCancel else { continue }
            // Unstructured: an answer that is on its way when the step ends must not cost a connection.
            let look = Task { [journal] in try await journal.attend(lease, waitingFor: news) }
            do {
                if try await look.value, mayCancel { return true }
            } catch {
                // A lost lease is the heartbeat's to notice; a database that is away is asked again.
                continue
            }
        }
    }
}

extension StepProgress {
    var isDone: Bool { if case .done = self { true } else { false } }
}

extension Failure {
    static let cancelledOnRequest = Failure(.permanent, .cancelled, "cancelled on request")
}
