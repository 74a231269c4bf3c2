import Glibc

/// Reads what a command line names, up to a limit.
enum InputFile {
    /// `-` is standard input. Throws a `CommandError` for what cannot be read, is longer than `limit` bytes or is not UTF-8.
    static func text(_ path: String, limit: Int) throws -> String {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandError(.usage, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        let bytes = try contents(of: descriptor, limit: limit, named: path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandError(.usage, "cannot read \(path): it is not UTF-8 text")
        }
        return text
    }

    static func contents(of descriptor: Int32, limit: Int, named path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let got = read(descriptor, &piece, piece.count)
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw CommandError(.other, "cannot read \(path): \(String(cString: strerror(errno)))") }
            if got == 0 { return bytes }
            bytes += piece[..<got]
            guard bytes.count <= limit else {
                throw CommandError(.usage, "cannot read \(path): it has more than \(limit) bytes")
            }
        }
    }
}
