import CHostalShims
import Glibc

/// A thread of the system outside Swift's pool, for what blocks, or must run whatever that pool does.
package enum DetachedThread {
    private final class Work: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new thread. Of the name, tools show the first 15 bytes. Ends the process when the system has no thread left.
    package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { box in
                guard let box else { return nil }
                let work = Unmanaged<Work>.fromOpaque(box).takeRetainedValue()
                shims_name_this_thread(work.name)
                work.body()
                return nil
            }, Unmanaged.passRetained(Work(name: name, body: body)).toOpaque())
        precondition(error == 0, "cannot start the thread '\(name)': error \(error)")
        pthread_detach(thread)
    }
}
