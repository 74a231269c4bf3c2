import HostalModel
import HostalProvisioning
import HostalSystem
import Synchronization

/// Serial lines that say what is typed into them. One at a time has a guest's, as with libvirt.
final class FakeConsoles: Consoles {
    final class Line: SerialLine {
        let output = ByteQueue(limit: 16_384)
        private let overrun = Mutex(false)
        var isOverrun: Bool { overrun.withLock { $0 } }

        func read() async -> [UInt8]? { await output.next() }
        func write(_ bytes: [UInt8]) async throws {
            guard !output.isClosed else { throw ConsoleFailure.closed }
            say(bytes)
        }
        func close() async { output.close() }

        func say(_ bytes: [UInt8]) {
            guard !output.append(bytes) else { return }
            overrun.withLock { $0 = true }
            output.close()
        }
    }

    private let lines = Mutex<[GuestID: Line]>([:])
    private let failure: ConsoleFailure?

    init(failure: ConsoleFailure? = nil) { self.failure = failure }

    func open(_ guest: GuestID, of server: ServerID, on host: ConsoleHost, force: Bool) async throws -> any SerialLine {
        if let failure { throw failure }
        return try lines.withLock { lines in
            if let line = lines[guest], !line.output.isClosed {
                guard force else { throw ConsoleFailure.inUse }
                line.output.close()
            }
            let line = Line()
            lines[guest] = line
            return line
        }
    }

    /// The one that was opened last; for tests with one server.
    var line: Line? { lines.withLock { $0.values.first } }
}
