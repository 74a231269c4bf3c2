import Glibc

/// Reads a secret: from a terminal without echo, else one line of standard input. Never from arguments, which every process can read.
enum SecretInput {
    static let lengthLimit = 4_096

    /// Throws a `CommandError` when none comes.
    static func read(prompt: String) throws -> String {
        guard isatty(STDIN_FILENO) == 1 else { return try line() }
        Terminal.ask(prompt)
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else {
            throw CommandError(.other, "cannot read the token: the terminal cannot be told to hide it")
        }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
            throw CommandError(.other, "cannot read the token: the terminal cannot be told to hide it")
        }
        defer {
            _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Terminal.note("")
        }
        return try line()
    }

    private static func line() throws -> String {
        let text = (readLine() ?? "").trimmed
        guard !text.isEmpty else { throw CommandError(.usage, "cannot read the token: none was given") }
        guard text.utf8.count <= lengthLimit, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CommandError(.usage, "cannot read the token: it must be one word of at most \(lengthLimit) letters and digits")
        }
        return String(text)
    }
}
