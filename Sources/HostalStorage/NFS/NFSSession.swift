import CLibnfs
import Glibc
import HostalSystem

/// An export that is mounted inside this process, for one thread at a time. Calls block the thread, each for the export's patience at most,
/// whatever the server does; they throw `NFSError`. After one that had no answer the session is of no use any more.
///
/// Files are named by their path below the export, without a slash at its start. Symbolic links at the end of a path are errors.
final class NFSSession {
    let nfs: OpaquePointer
    private let patience: Duration
    /// What libnfs reads from while a write is under way: it outlives the context, also when a write is given up.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: NFSSession.pieceSize, alignment: 4096)

    /// Bytes in one read or write, unless the server takes fewer.
    static let pieceSize = 1 << 20
    /// How often the clock is looked at while nothing comes, in milliseconds.
    private static let tick: Int32 = 100

    init(_ export: NFSExport) throws(NFSError) {
        guard let context = nfs_init_context() else { throw NFSError(call: "mount", path: "/", code: ENOMEM, text: "no memory") }
        nfs = context
        patience = export.patience
        nfs_set_version(nfs, 3)
        nfs_set_uid(nfs, Int32(export.user))
        nfs_set_gid(nfs, Int32(export.group))
        // A connection that breaks is an error here, and the next call's session is another.
        nfs_set_autoreconnect(nfs, 0)
        // Names that another host made must be seen at once.
        nfs_set_dircache(nfs, 0)
        _ = try call("mount", export.path) { nfs_mount_async($0, export.server, export.path, $1, $2) }
    }

    deinit {
        nfs_destroy_context(nfs)
        buffer.deallocate()
    }

    func handle(_ name: String, _ path: String, _ begin: Beginning) throws(NFSError) -> OpaquePointer {
        var handle: OpaquePointer?
        try call(name, path, take: { _, data in handle = data.map { OpaquePointer($0) } }, begin)
        guard let handle else { throw NFSError(call: name, path: path, code: EIO, text: "no handle came back") }
        return handle
    }

    typealias Beginning = (OpaquePointer, @escaping nfs_cb, UnsafeMutableRawPointer) -> Int32

    /// What one call came to. It lives until libnfs has called back, which for a call that was given up is when the context ends.
    private final class Reply {
        let take: (Int32, UnsafeMutableRawPointer?) -> Void
        var status: Int32?
        init(take: @escaping (Int32, UnsafeMutableRawPointer?) -> Void) { self.take = take }
    }

    /// `take` is given what libnfs answers, valid for as long as it runs. Returns a count where the call has one.
    @discardableResult
    func call(
        _ name: String, _ path: String, take: @escaping (Int32, UnsafeMutableRawPointer?) -> Void = { _, _ in },
        _ begin: Beginning
    ) throws(NFSError) -> Int32 {
        let reply = Reply(take: take)
        let context = Unmanaged.passRetained(reply)
        let began = begin(
            nfs,
            { status, _, data, context in
                guard let context else { return }
                let reply = Unmanaged<Reply>.fromOpaque(context).takeRetainedValue()
                if status >= 0 { reply.take(status, data) }
                reply.status = status
            }, context.toOpaque())
        guard began == 0 else {
            context.release()
            throw NFSError(call: name, path: path, code: EIO, text: message)
        }
        let end = ContinuousClock.now + patience
        while reply.status == nil {
            guard ContinuousClock.now < end else {
                throw NFSError(call: name, path: path, code: ETIMEDOUT, text: "no answer within \(patience)")
            }
            var entry = pollfd(fd: nfs_get_fd(nfs), events: Int16(truncatingIfNeeded: nfs_which_events(nfs)), revents: 0)
            let ready = poll(&entry, 1, Self.tick)
            if nfs_service(nfs, ready > 0 ? Int32(entry.revents) : 0) < 0 && reply.status == nil {
                throw NFSError(call: name, path: path, code: EIO, text: message)
            }
        }
        let status = reply.status ?? 0
        guard status >= 0 else { throw NFSError(call: name, path: path, code: -status, text: message) }
        return status
    }

    private var message: String { nfs_get_error(nfs).map { String(cString: $0) } ?? "it failed" }
}
