package import HostalModel
package import HostalProvisioning
import HostalSystem
import Synchronization

/// Serial lines through libvirt: of this process's own host at its address, of others where the database says they are reached.
package final class LibvirtConsoles: Consoles {
    /// Open lines, and those that a libvirtd that hangs keeps from closing: each has a thread.
    static let linesAtOnce = 64

    private let own: ConsoleHost?
    private struct Threads {
        var free: [ThreadExecutor] = []
        var made = 0
    }
    private let threads = Mutex(Threads())

    /// `own` is the host that this process runs on, if any.
    package init(own: ConsoleHost?) { self.own = own }

    package func open(_ guest: GuestID, of server: ServerID, on host: ConsoleHost, force: Bool) async throws -> any SerialLine {
        guard let uri = host.name == own?.name ? own?.libvirtURI : host.libvirtURI else { throw ConsoleFailure.noAddress }
        guard let thread = takeThread() else { throw ConsoleFailure.unreachable("\(Self.linesAtOnce) lines are open") }
        let line = LibvirtLine(thread) { [self] in threads.withLock { $0.free.append(thread) } }
        try await line.open(guest, of: server, at: uri, force: force)
        return line
    }

    private func takeThread() -> ThreadExecutor? {
        threads.withLock { threads in
            if let free = threads.free.popLast() { return free }
            guard threads.made < Self.linesAtOnce else { return nil }
            threads.made += 1
            return ThreadExecutor(name: "console-\(threads.made)")
        }
    }
}
