import Glibc

/// A lock over all processes of a host (`flock` on a file of its own), held until the value goes away or its process dies.
///
/// The file is unlinked by who lets go; one left by a dead process locks nothing. Two tasks of one process exclude each other too.
package struct FileLock: ~Copyable, Sendable {
    private let path: String
    private let descriptor: Int32

    /// Each failed attempt means that another holder came and went between two calls: more than this many in a row is no accident.
    private static let attempts = 100

    deinit {
        unlink(path)
        close(descriptor)
    }

    /// Takes the lock without waiting; nil while another holds it. Throws a `FileError` when the file cannot be made.
    package static func take(_ path: String) throws(FileError) -> FileLock? {
        for _ in 0..<attempts {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { throw FileError("open", path) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let error = FileError("flock", path)
                close(descriptor)
                guard error.code == EWOULDBLOCK else { throw error }
                return nil
            }
            // The holder before us may have unlinked this very file after we opened it: then it locks nothing any more.
            var ours = stat()
            var named = stat()
            if fstat(descriptor, &ours) == 0, stat(path, &named) == 0, ours.st_ino == named.st_ino, ours.st_dev == named.st_dev {
                return FileLock(path: path, descriptor: descriptor)
            }
            close(descriptor)
        }
        return nil
    }

    /// Lets go now. Its being called last is also what keeps the lock held until then.
    package consuming func release() {}
}
