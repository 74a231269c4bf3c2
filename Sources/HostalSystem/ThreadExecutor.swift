import CHostalShims
import Glibc
import Synchronization

/// One thread that runs an actor's jobs, for actors whose C calls block for seconds: they never take a thread of Swift's pool.
///
/// The thread lives as long as the process: executors are made once for each connection, not for each call.
package final class ThreadExecutor: SerialExecutor, Sendable {
    private struct State: ~Copyable {
        var jobs: [UnownedJob] = []
    }
    private let state = Mutex(State())
    /// Counts jobs; the thread sleeps on it.
    private let wake: Int32

    package init(name: String) {
        wake = shims_eventfd(1, 1)
        DetachedThread.start(name) { self.loop() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
    }

    private func loop() {
        while true {
            var count: UInt64 = 0
            guard read(wake, &count, 8) == 8 else { continue }
            let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
            job?.runSynchronously(on: asUnownedSerialExecutor())
        }
    }
}
