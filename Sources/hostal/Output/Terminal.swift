import Glibc

/// The streams that the command was given. Results to standard output, all else to standard error.
enum Terminal {
    static let resultIsTerminal = isatty(STDOUT_FILENO) == 1
    /// Whether progress may be redrawn in place.
    static let isLive = isatty(STDERR_FILENO) == 1 && !isDumb
    /// Whether somebody is there to answer.
    static let canAsk = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1

    private static var isDumb: Bool { environment("TERM") == "dumb" }
    static let colorsResults = resultIsTerminal && !isDumb && environment("NO_COLOR") == nil

    /// A variable that is set and not empty.
    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Columns of the terminal that progress goes to; 80 where nobody says.
    static var width: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Prints a line, or several, of the result. A result that cannot be written ends the program: half a list is not a list.
    static func result(_ text: String) {
        guard write(text + "\n", to: STDOUT_FILENO) else {
            complain("cannot write the result: \(String(cString: strerror(errno)))")
            exit(Exit.other.rawValue)
        }
    }

    /// A line of progress, a warning or a note.
    static func note(_ text: String) { _ = write(text + "\n", to: STDERR_FILENO) }
    static func complain(_ text: String) { note("hostal: " + text) }

    /// Leaves the cursor after the text.
    static func ask(_ text: String) { _ = write(text, to: STDERR_FILENO) }

    /// Writes over the last line that `redraw` wrote; an empty text takes it away.
    static func redraw(_ text: String) {
        guard isLive else { return }
        _ = write("\r\u{1B}[K" + text.prefix(max(1, width - 1)), to: STDERR_FILENO)
    }

    private static func write(_ text: some StringProtocol, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { return false }
            bytes = bytes.dropFirst(put)
        }
        return true
    }
}
