import Glibc
import Synchronization

/// A thread that ends the process when a reason to do so exists: it does not depend on Swift's threads, which may be what hangs, and is the
/// first to run when a stopped process is continued.
package final class Watchdog: Sendable {
    /// The exit code of a process that its watchdog ended. A supervisor restarts it.
    package static let exitCode: Int32 = 75

    private let cancelled = Atomic(false)
    private let pause: Duration
    private let reason: @Sendable () -> String?

    /// Asks for a reason every `pause`; the first that is not nil goes to standard error, and the process ends without any clean-up.
    package init(every pause: Duration, reason: @escaping @Sendable () -> String?) {
        self.pause = pause
        self.reason = reason
        DetachedThread.start("watchdog") { self.loop() }
    }

    package func cancel() { cancelled.store(true, ordering: .relaxed) }

    private func loop() {
        let (seconds, attoseconds) = pause.components
        while !cancelled.load(ordering: .relaxed) {
            var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
            nanosleep(&time, nil)
            guard let reason = reason() else { continue }
            let bytes = Array("ending: \(reason)\n".utf8)
            _ = write(STDERR_FILENO, bytes, bytes.count)
            _exit(Self.exitCode)
        }
    }
}
