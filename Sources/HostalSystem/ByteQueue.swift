import Synchronization

/// Bytes on their way from a thread that cannot wait to the one task that reads them, up to a limit.
package final class ByteQueue: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
    }

    /// Of bytes that nobody has taken yet.
    package let limit: Int
    private let state = Mutex(State())
    private let arrivals: AsyncStream<Void>
    private let arrived: AsyncStream<Void>.Continuation

    package init(limit: Int) {
        self.limit = limit
        // One signal is enough: whoever wakes takes everything.
        (arrivals, arrived) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// False when the bytes do not fit, or the queue is closed: then none of them is kept.
    package func append(_ bytes: some Collection<UInt8>) -> Bool {
        let fits = state.withLock { state in
            guard !state.isClosed, state.bytes.count + bytes.count <= limit else { return false }
            state.bytes += bytes
            return true
        }
        if fits { arrived.yield() }
        return fits
    }

    /// What is in it can still be taken.
    package func close() {
        state.withLock { $0.isClosed = true }
        arrived.finish()
    }

    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// All that is there, once something is; nil when the queue is closed and empty. A cancelled caller gets what is there or nil, and so does
    /// every later one.
    package func next() async -> [UInt8]? {
        var arrivals = arrivals.makeAsyncIterator()
        while true {
            let taken = take()
            if !taken.isEmpty { return taken }
            guard await arrivals.next() != nil else {
                let rest = take()
                return rest.isEmpty ? nil : rest
            }
        }
    }

    private func take() -> [UInt8] {
        state.withLock { state in
            defer { state.bytes = [] }
            return state.bytes
        }
    }
}
