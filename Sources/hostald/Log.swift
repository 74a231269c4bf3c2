import FoundationEssentials
import Glibc

/// One line an event on standard error, with UTC time. Never given specs, user-data, keys or SQL.
struct Log: Sendable {
    func line(_ text: String) {
        // One line stays one line, whatever a tool has said.
        let flat = text.split(whereSeparator: \.isNewline).joined(separator: " | ")
        let bytes = Array("\(Date.now.formatted(.iso8601)) \(flat)\n".utf8)
        // One write, so that two tasks' lines never mix. Nobody could be told if it failed.
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
