import Glibc

/// Blocks the thread for so long, whatever signals arrive.
package func pause(for duration: Duration) {
    let end = ContinuousClock.now + duration
    while true {
        let left = end - .now
        guard left > .zero else { return }
        var time = timespec(tv_sec: Int(left.components.seconds), tv_nsec: Int(left.components.attoseconds / 1_000_000_000))
        nanosleep(&time, nil)
    }
}
