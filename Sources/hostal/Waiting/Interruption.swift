import Glibc
import Synchronization

/// What Ctrl-C does while the command waits: it ends the command, not the action, and says so.
enum Interruption {
    /// 128 and the signal's number, as shells have it.
    private static let exitCode: Int32 = 130
    private static let action = Atomic<Int64>(0)

    static func names(action id: Int64) {
        action.store(id, ordering: .relaxed)
        signal(SIGINT) { _ in Interruption.leave() }
    }

    static func ends() { signal(SIGINT, SIG_DFL) }

    /// Runs in a signal handler: writes, without taking memory, and leaves.
    private static func leave() {
        say("\nstopped waiting; the action goes on: hostal action watch ")
        var number = action.load(ordering: .relaxed)
        var divisor: Int64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(truncatingIfNeeded: number / divisor) &+ UInt8(ascii: "0")
            _ = write(STDERR_FILENO, &digit, 1)
            number %= divisor
            divisor /= 10
        }
        say("\n")
        _exit(exitCode)
    }

    private static func say(_ text: StaticString) { _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount) }
}
