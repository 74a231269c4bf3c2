import CLibvirt
import HostalSystem

/// A stream of bytes that libvirt carries. It never leaves the actor that made it; what arrives is handed over by libvirt's event loop.
struct StreamHandle: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { virStreamFree(pointer) }

    /// Hands what arrives to the receiver, from the event loop's thread, until the stream ends or `stop` is called.
    func listen(_ receiver: StreamReceiver) throws(LibvirtError) {
        let events = VIR_STREAM_EVENT_READABLE.rawValue | VIR_STREAM_EVENT_ERROR.rawValue | VIR_STREAM_EVENT_HANGUP.rawValue
        let context = Unmanaged.passRetained(receiver)
        let result = virStreamEventAddCallback(
            pointer, Int32(events),
            { stream, events, context in
                guard let stream, let context else { return }
                Unmanaged<StreamReceiver>.fromOpaque(context).takeUnretainedValue().receive(stream, events)
            }, context.toOpaque(), { context in if let context { Unmanaged<StreamReceiver>.fromOpaque(context).release() } })
        guard result == 0 else {
            context.release()
            throw .take("virStreamEventAddCallback")
        }
    }

    /// Sends all of it, or throws. Blocks while libvirtd takes nothing.
    func send(_ bytes: [UInt8]) throws(LibvirtError) {
        var left = bytes[...]
        while !left.isEmpty {
            let sent = left.withUnsafeBytes { raw in
                virStreamSend(pointer, raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count)
            }
            guard sent > 0 else { throw .take("virStreamSend") }
            left = left.dropFirst(Int(sent))
        }
    }

    /// Ends it at both sides. Nothing is received afterwards.
    func stop() {
        if virStreamEventRemoveCallback(pointer) < 0 { _ = LibvirtError.take("virStreamEventRemoveCallback") }
        if virStreamAbort(pointer) < 0 { _ = LibvirtError.take("virStreamAbort") }
    }
}

/// Where a stream's bytes go. Called on the event loop's thread only, one call after another.
final class StreamReceiver: Sendable {
    /// Taken from libvirt at once, in bytes.
    private static let pieceSize = 16_384

    let output: ByteQueue
    /// Told once, when nothing more will come; true when that is because the queue was full.
    private let onEnd: @Sendable (Bool) -> Void

    init(output: ByteQueue, onEnd: @escaping @Sendable (Bool) -> Void) {
        self.output = output
        self.onEnd = onEnd
    }

    /// libvirt's client keeps whatever a guest sends in memory without a limit of its own, so everything is taken, and a queue that is
    /// full ends the stream: there is nobody whom we could ask to wait.
    fileprivate func receive(_ stream: OpaquePointer, _ events: Int32) {
        var piece = [CChar](repeating: 0, count: Self.pieceSize)
        while true {
            let count = Int(virStreamRecv(stream, &piece, piece.count))
            if count == -2 { break }
            guard count > 0 else {
                if count < 0 { _ = LibvirtError.take("virStreamRecv") }
                return end(stream, isOverrun: false)
            }
            guard output.append(piece[..<count].map { UInt8(bitPattern: $0) }) else {
                return end(stream, isOverrun: !output.isClosed)
            }
        }
        if events & Int32(VIR_STREAM_EVENT_ERROR.rawValue | VIR_STREAM_EVENT_HANGUP.rawValue) != 0 {
            end(stream, isOverrun: false)
        }
    }

    private func end(_ stream: OpaquePointer, isOverrun: Bool) {
        if virStreamEventRemoveCallback(stream) < 0 { _ = LibvirtError.take("virStreamEventRemoveCallback") }
        onEnd(isOverrun)
        output.close()
    }
}
