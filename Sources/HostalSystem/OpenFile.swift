import Glibc

/// A regular file that is open until the value goes away. Calls block; two tasks at once may read, one may write.
package struct OpenFile: ~Copyable, Sendable {
    package let path: String
    private let descriptor: Int32

    package enum Access: Sendable {
        /// A symbolic link at the end of the path is an error.
        case read
        /// A symbolic link at the end of the path is followed: for paths that an operator named.
        case readFollowingLinks
        /// Made with mode 0600 when absent; what is in it stays.
        case update
    }

    /// Throws a `FileError`: also `EINVAL` for what is not a regular file. A FIFO or a device never blocks it.
    package init(_ path: String, _ access: Access) throws(FileError) {
        let flags =
            switch access {
            case .read: O_RDONLY | O_NOFOLLOW
            case .readFollowingLinks: O_RDONLY
            case .update: O_RDWR | O_CREAT | O_NOFOLLOW
            }
        let opened = open(path, flags | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw FileError("open", path) }
        var status = stat()
        guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(opened)
            throw FileError("open", path, code: EINVAL)
        }
        self.path = path
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// In bytes.
    package func size() throws(FileError) -> Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("stat", path) }
        return Int64(status.st_size)
    }

    /// How many names it has.
    package func links() throws(FileError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError("stat", path) }
        return Int(status.st_nlink)
    }

    /// How much of `buffer` was filled from `offset` on: less than asked only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let got = pread(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + done)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw FileError("read", path) }
            if got == 0 { break }
            done += got
        }
        return done
    }

    /// At most `count` bytes from `offset` on; fewer at the end of the file.
    package func bytes(_ count: Int, at offset: Int64) throws(FileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let outcome: Result<Int, FileError> = bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(FileError) in try read(into: buffer, at: offset) }
        }
        return Array(bytes.prefix(try outcome.get()))
    }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let put = pwrite(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + done)
            if put < 0 && errno == EINTR { continue }
            guard put >= 0 else { throw FileError("write", path) }
            done += put
        }
    }

    package func truncate(to size: Int64) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0 else { throw FileError("truncate", path) }
    }

    package func setMode(_ mode: UInt32) throws(FileError) {
        guard fchmod(descriptor, mode) == 0 else { throw FileError("chmod", path) }
    }

    /// False, and nothing is changed, where the caller may not.
    @discardableResult
    package func give(to owner: UInt32) -> Bool { fchown(descriptor, owner, owner) == 0 }

    /// Takes away the name that it was opened by; absent is success.
    package func unlink() { _ = Glibc.unlink(path) }

    /// Everything written so far survives a power cut once this returns.
    package func sync() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
    }

    /// Makes this file share all blocks of `other`, which takes no room and no time. False where the file system cannot.
    package func cloneBlocks(of other: borrowing OpenFile) -> Bool {
        do { try shareBlocks(of: other) } catch { return false }
        return true
    }

    /// The same; throws where the file system cannot, `EXDEV` for another one, or has no room.
    package func shareBlocks(of other: borrowing OpenFile) throws(FileError) {
        // FICLONE, _IOW(0x94, 9, int): the header's macro is one that Swift cannot import.
        guard ioctl(descriptor, 0x4004_9409, other.descriptor) == 0 else { throw FileError("FICLONE", path) }
    }
}
