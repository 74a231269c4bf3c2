import HostalModel
import HostalProvisioning
import HostalSystem
import Synchronization

/// One guest's serial line over a connection to libvirtd of its own, so that a guest that reads nothing holds up nobody else.
actor LibvirtLine: SerialLine {
    /// Of what the guest has sent and nobody has read, in bytes.
    static let outputLimit = 1 << 20
    private static let answerLimit = Duration.seconds(15)

    nonisolated let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private nonisolated let output = ByteQueue(limit: outputLimit)
    private nonisolated let overrun = Mutex(false)
    private var wire: Wire?
    private var onClose: (@Sendable () -> Void)?

    /// `onClose` is told once, when the line needs its thread no more.
    init(_ executor: ThreadExecutor, onClose: @escaping @Sendable () -> Void) {
        self.executor = executor
        self.onClose = onClose
    }

    nonisolated var isOverrun: Bool { overrun.withLock { $0 } }

    nonisolated func read() async -> [UInt8]? { await output.next() }

    nonisolated func write(_ bytes: [UInt8]) async throws {
        do {
            try await answer(within: Self.answerLimit) { try await self.send(bytes) }
        } catch {
            // Nobody knows how much of it has arrived: the line is of no use any more.
            output.close()
            throw (error as? ConsoleFailure) ?? .unreachable("\(error)")
        }
    }

    nonisolated func open(_ guest: GuestID, of server: ServerID, at uri: String, force: Bool) async throws {
        do {
            try await answer(within: Self.answerLimit) { try await self.connect(guest, server, uri, force) }
        } catch {
            // Behind the call that gives no answer, on the same thread.
            Task { await self.close() }
            throw Self.failure(error)
        }
    }

    func close() {
        output.close()
        wire = nil
        onClose?()
        onClose = nil
    }

    private func connect(_ guest: GuestID, _ server: ServerID, _ uri: String, _ force: Bool) throws {
        try Task.checkCancellation()
        let receiver = StreamReceiver(output: output) { isOverrun in self.overrun.withLock { $0 = isOverrun } }
        wire = try Wire(guest, of: server, at: uri, force: force, receiver)
    }

    private func send(_ bytes: [UInt8]) throws {
        guard let wire, !output.isClosed else { throw ConsoleFailure.closed }
        try wire.send(bytes)
    }

    private static func failure(_ error: any Error) -> ConsoleFailure {
        switch error {
        case let failure as ConsoleFailure: failure
        case let error as LibvirtError
        where error.call == "virDomainOpenConsole" && error.message.contains("Active console session"):
            .inUse
        case let error as LibvirtError where error.isOvertaken: .off
        case let refusal as Refusal: .unreachable(refusal.cause)
        default: .unreachable("\(error)")
        }
    }

    /// What a line is made of. Lives in its actor; letting go of it ends the stream and closes the connection.
    private final class Wire {
        private let stream: StreamHandle
        private let session: LibvirtSession

        init(_ guest: GuestID, of server: ServerID, at uri: String, force: Bool, _ receiver: StreamReceiver) throws {
            let session = try LibvirtSession(uri: uri)
            guard let domain = try session.domain(guest.uuid), try domain.isActive() else { throw ConsoleFailure.off }
            _ = try LibvirtHypervisor.mark(of: domain, servedAs: server)
            let stream = try session.newStream()
            try domain.openConsole(on: stream, force: force)
            try stream.listen(receiver)
            self.session = session
            self.stream = stream
        }

        deinit { stream.stop() }

        func send(_ bytes: [UInt8]) throws(LibvirtError) { try stream.send(bytes) }
    }
}
