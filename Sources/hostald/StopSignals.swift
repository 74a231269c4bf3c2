import Dispatch
import Glibc

/// Turns SIGTERM and SIGINT into cancellation.
enum StopSignals {
    /// Runs `body` until it ends or a signal arrives; then cancels it and waits for it. A second signal ends the process at once.
    static func run(_ body: @escaping @Sendable () async -> Void) async {
        let task = Task { await body() }
        let sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if task.isCancelled { _exit(128 + number) }
                task.cancel()
            }
            source.resume()
            return source
        }
        await task.value
        for source in sources { source.cancel() }
    }
}
