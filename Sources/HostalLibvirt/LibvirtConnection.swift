import HostalSystem

/// One connection to libvirtd, on a thread of its own, because libvirt's calls block and it keeps its last error per thread.
///
/// Connects at the first use and again whenever libvirtd went away. Operations on one connection run one after another. Needs access to
/// libvirt's socket.
package actor LibvirtConnection {
    private let uri: String
    private let executor: ThreadExecutor
    private var session: LibvirtSession?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// `name` is the thread's, at most 15 characters.
    package init(uri: String, name: String) {
        self.uri = uri
        executor = ThreadExecutor(name: name)
    }

    /// Runs an operation that may be run again: when the connection turns out to be gone, it is, once, on a new one.
    /// An operation whose caller has been cancelled, or waits no more, does not begin: it could undo what was done since.
    func run<Value: Sendable>(_ operation: @Sendable (borrowing LibvirtSession) throws -> Value) throws -> Value {
        do {
            return try attempt(operation)
        } catch let error as LibvirtError where error.isConnectionLost {
            session = nil
            return try attempt(operation)
        }
    }

    private func attempt<Value: Sendable>(_ operation: @Sendable (borrowing LibvirtSession) throws -> Value) throws -> Value {
        try Task.checkCancellation()
        if session?.isAlive != true { session = nil }
        let open = try session.take() ?? LibvirtSession(uri: uri)
        let result = Result {
            // Opening may have taken long: a libvirtd that hangs accepts connections and says nothing.
            try Task.checkCancellation()
            return try operation(open)
        }
        session = consume open
        return try result.get()
    }
}
