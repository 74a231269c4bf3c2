import CLibnfs
import Glibc
import HostalSystem

/// What is done with files.
extension NFSSession {
    /// In bytes; nil when it is absent.
    func size(of path: String) throws(NFSError) -> Int64? { try status(of: path)?.size }

    /// When it was last written by the server's clock, in seconds; nil when it is absent.
    func modified(_ path: String) throws(NFSError) -> Int64? { try status(of: path)?.modified }

    private func status(of path: String) throws(NFSError) -> (size: Int64, modified: Int64)? {
        var found = (size: Int64(0), modified: Int64(0))
        do throws(NFSError) {
            try call(
                "stat", path,
                take: { _, data in
                    guard let status = data?.assumingMemoryBound(to: nfs_stat_64.self).pointee else { return }
                    found = (Int64(clamping: status.nfs_size), Int64(clamping: status.nfs_mtime))
                }
            ) { nfs_lstat64_async($0, "/\(path)", $1, $2) }
        } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
        return found
    }

    /// The first `limit` bytes of a file; nil when it is absent.
    func read(_ path: String, limit: Int) throws(NFSError) -> [UInt8]? {
        let file: OpaquePointer
        do throws(NFSError) { file = try open(path, O_RDONLY) } catch {
            guard error.code == ENOENT else { throw error }
            return nil
        }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let (offset, wanted) = (UInt64(bytes.count), UInt64(min(limit - bytes.count, Self.pieceSize)))
            var piece: [UInt8] = []
            try call(
                "read", path,
                take: { count, data in
                    piece = Array(UnsafeRawBufferPointer(start: data, count: Int(max(0, count))))
                }
            ) { nfs_pread_async($0, file, offset, wanted, $1, $2) }
            if piece.isEmpty { break }
            bytes += piece
        }
        try close(file, path)
        return bytes
    }

    /// A new file with everything of `source`, on the server's disk when this returns. `goOn` is asked before each piece.
    func upload(_ source: borrowing OpenFile, to path: String, mode: Int32, goOn: (Int64) throws -> Void) throws {
        let file = try handle("create", path) { nfs_creat_async($0, "/\(path)", mode, $1, $2) }
        let piece = max(1, min(Self.pieceSize, Int(clamping: nfs_get_writemax(nfs))))
        var offset: Int64 = 0
        while true {
            try goOn(offset)
            let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece]), at: offset)
            if count == 0 { break }
            try write(count, to: file, path, at: offset)
            offset += Int64(count)
        }
        try sync(file, path)
        try close(file, path)
    }

    /// A new small file, on the server's disk when this returns.
    func write(_ bytes: [UInt8], to path: String, mode: Int32) throws(NFSError) {
        let file = try handle("create", path) { nfs_creat_async($0, "/\(path)", mode, $1, $2) }
        buffer.copyBytes(from: bytes)
        try write(bytes.count, to: file, path, at: 0)
        try sync(file, path)
        try close(file, path)
    }

    private func write(_ count: Int, to file: OpaquePointer, _ path: String, at offset: Int64) throws(NFSError) {
        var done = 0
        while done < count {
            let (start, length) = (buffer.baseAddress?.advanced(by: done), UInt64(count - done))
            done += Int(
                try call("write", path) { nfs_pwrite_async($0, file, UInt64(offset) + UInt64(done), length, start, $1, $2) })
        }
    }

    /// What was written to the file, by whomever, is on the server's disk when this returns.
    func sync(_ path: String) throws(NFSError) {
        let file = try open(path, O_RDWR)
        try sync(file, path)
        try close(file, path)
    }

    /// Gives the file a second name, unless something has that: what is there stays.
    func link(_ path: String, as new: String) throws(NFSError) {
        do throws(NFSError) { _ = try call("link", path) { nfs_link_async($0, "/\(path)", "/\(new)", $1, $2) } } catch {
            guard error.code == EEXIST else { throw error }
        }
    }

    /// Absent is success.
    func remove(_ path: String) throws(NFSError) {
        do throws(NFSError) { _ = try call("remove", path) { nfs_unlink_async($0, "/\(path)", $1, $2) } } catch {
            guard error.code == ENOENT else { throw error }
        }
    }

    /// There already is success.
    func makeDirectory(_ path: String, mode: Int32) throws(NFSError) {
        do throws(NFSError) { _ = try call("mkdir", path) { nfs_mkdir2_async($0, "/\(path)", mode, $1, $2) } } catch {
            guard error.code == EEXIST else { throw error }
        }
    }

    /// In no order, without `.` and `..`. The export itself is the empty path.
    func names(in path: String) throws(NFSError) -> [String] {
        let directory = try handle("list", path) { nfs_opendir_async($0, "/\(path)", $1, $2) }
        defer { nfs_closedir(nfs, directory) }
        var names: [String] = []
        while let entry = nfs_readdir(nfs, directory) {
            let name = String(cString: entry.pointee.name)
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// In bytes.
    func space() throws(NFSError) -> (total: Int64, available: Int64) {
        var found = (total: Int64(0), available: Int64(0))
        try call(
            "statvfs", "/",
            take: { _, data in
                guard let status = data?.assumingMemoryBound(to: nfs_statvfs_64.self).pointee else { return }
                func bytes(_ blocks: UInt64) -> Int64 {
                    Int64(clamping: blocks.multipliedReportingOverflow(by: status.f_frsize).partialValue)
                }
                found = (bytes(status.f_blocks), bytes(status.f_bavail))
            }
        ) { nfs_statvfs64_async($0, "/", $1, $2) }
        return found
    }

    private func open(_ path: String, _ flags: Int32) throws(NFSError) -> OpaquePointer {
        try handle("open", path) { nfs_open_async($0, "/\(path)", flags | O_NOFOLLOW, $1, $2) }
    }
    private func close(_ file: OpaquePointer, _ path: String) throws(NFSError) {
        _ = try call("close", path) { nfs_close_async($0, file, $1, $2) }
    }
    private func sync(_ file: OpaquePointer, _ path: String) throws(NFSError) {
        _ = try call("commit", path) { nfs_fsync_async($0, file, $1, $2) }
    }
}
