import Glibc

/// A file with mode 0600 that is replaced as a whole: a reader sees the old one or the new one.
struct PrivateFile {
    let path: String

    /// Makes directories that are missing, with mode 0700. Throws a `CommandError`.
    func write(_ text: String) throws {
        if let slash = path.lastIndex(of: "/") { try makeDirectory(String(path[..<slash])) }
        let part = "\(path).\(getpid()).part"
        unlink(part)
        let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(errno) }
        let bytes = Array(text.utf8)
        let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let isWhole = put == bytes.count && fsync(descriptor) == 0
        let code = errno
        close(descriptor)
        guard isWhole, rename(part, path) == 0 else {
            let failed = failure(isWhole ? errno : code)
            unlink(part)
            throw failed
        }
    }

    private func makeDirectory(_ path: String) throws {
        guard !path.isEmpty, mkdir(path, 0o700) != 0, errno != EEXIST else { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { throw failure(errno) }
        try makeDirectory(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure(errno) }
    }

    private func failure(_ code: Int32) -> CommandError {
        CommandError(.other, "cannot write \(path): \(String(cString: strerror(code)))".printable)
    }
}
