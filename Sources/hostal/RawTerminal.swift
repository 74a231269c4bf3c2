import Glibc

/// Standard input's terminal without line editing, echo and signals, so that each key goes to the server. It is given back whatever ends the
/// program, but for SIGKILL and a crash.
enum RawTerminal {
    // SAFETY: written before the signal handlers that read it are set, and never again.
    nonisolated(unsafe) private static var before = termios()

    /// Returns what gives the terminal back. Throws a `CommandError`.
    static func begin() throws -> () -> Void {
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw refused() }
        var raw = before
        cfmakeraw(&raw)
        for number in [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE] {
            signal(number) { number in
                RawTerminal.restore()
                _exit(128 + number)
            }
        }
        guard tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0 else { throw refused() }
        return restore
    }

    /// Runs in signal handlers too.
    private static func restore() { _ = tcsetattr(STDIN_FILENO, TCSANOW, &before) }

    private static func refused() -> CommandError {
        CommandError(.other, "cannot open the console: the terminal cannot be told to pass every key")
    }
}
