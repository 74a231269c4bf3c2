import Glibc

/// The file of contexts. It holds tokens: only its owner may read it, and it is replaced as a whole, so a reader never sees half of it.
///
/// Two commands that change it at once: the later one's file stays, whole.
struct ConfigFile {
    let path: String

    /// An empty one when there is none. Throws a `CommandError`.
    func read() throws -> Config {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0 && errno == ENOENT { return Config() }
        guard descriptor >= 0 else { throw failure("read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("read") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw CommandError(.other, "cannot read \(path): it is no file") }
        guard status.st_mode & 0o077 == 0 else {
            throw CommandError(.other, "cannot use \(path): others may read the tokens in it; run chmod 600 on it")
        }
        let bytes = try InputFile.contents(of: descriptor, limit: Self.sizeLimit, named: path)
        do throws(Config.Malformed) { return try Config(parsing: String(decoding: bytes, as: UTF8.self)) } catch {
            throw CommandError(.other, "cannot read \(path): line \(error.line): \(error.reason)")
        }
    }

    /// Bytes.
    static let sizeLimit = 256 * 1024

    /// Throws a `CommandError`; the old file is then still there.
    func write(_ config: Config) throws { try PrivateFile(path: path).write(config.text) }

    private func failure(_ verb: String) -> CommandError {
        CommandError(.other, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}
