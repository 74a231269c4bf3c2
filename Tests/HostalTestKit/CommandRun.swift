import FoundationEssentials
package import Glibc

/// A program run to its end, with its output apart from its complaints, or on a terminal of the test's own.
package struct CommandRun: Sendable {
    package var exit: Int32
    package var output: String
    package var errors: String

    /// The environment is all that the program gets; nothing of the test's own reaches it.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String], input: String = "",
        limit: Duration = .seconds(60),
        whileRunning: (pid_t) async throws -> Void = { _ in }
    ) async throws -> CommandRun {
        let files = try Files(input: input)
        defer { files.remove() }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, files.input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, files.output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, files.errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let pid = try spawn(program, arguments, environment, actions)
        do { try await whileRunning(pid) } catch {
            kill(pid, SIGKILL)
            throw error
        }
        let exit = try await end(of: pid, within: limit)
        return CommandRun(exit: exit, output: try files.text(files.output), errors: try files.text(files.errors))
    }

    /// Runs it on a terminal. `errors` is what the terminal shows, and `output` what goes to a file if `keepsOutputApart`.
    /// - Parameter typing: each text is typed once what is before it has appeared.
    package static func onTerminal(
        _ program: String, _ arguments: [String], environment: [String: String], typing: [(after: String, text: String)] = [],
        keepsOutputApart: Bool = false, limit: Duration = .seconds(60)
    ) async throws -> CommandRun {
        let files = try Files(input: "")
        defer { files.remove() }
        let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard terminal >= 0 else { throw TestKitError("cannot open a terminal: error \(errno)") }
        defer { close(terminal) }
        var (number, isLocked): (UInt32, Int32) = (0, 0)
        guard ioctl(terminal, Self.unlock, &isLocked) == 0, ioctl(terminal, Self.getNumber, &number) == 0 else {
            throw TestKitError("cannot open a terminal: error \(errno)")
        }
        let path = "/dev/pts/\(number)"
        // Held open, so that the terminal does not end with the program before everything has been read.
        let held = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        defer { close(held) }
        var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
        _ = fcntl(terminal, F_SETFL, O_NONBLOCK)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, path, O_RDWR, 0)
        posix_spawn_file_actions_adddup2(&actions, 0, 2)
        if keepsOutputApart {
            posix_spawn_file_actions_addopen(&actions, 1, files.output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
        }
        let pid = try spawn(program, arguments, environment, actions)
        var screen: [UInt8] = []
        var left = typing[...]
        var status: Int32?
        do {
            try await waitUntil("\(program) has ended", within: limit) {
                let isOver = reap(pid, into: &status)
                var piece = [UInt8](repeating: 0, count: 4_096)
                while case let got = read(terminal, &piece, piece.count), got > 0 { screen += piece[..<got] }
                if let next = left.first, String(decoding: screen, as: UTF8.self).contains(next.after) {
                    left = left.dropFirst()
                    _ = write(terminal, next.text, next.text.utf8.count)
                }
                return isOver
            }
        } catch {
            kill(pid, SIGKILL)
            throw error
        }
        let output = keepsOutputApart ? try files.text(files.output) : ""
        return CommandRun(exit: status ?? -1, output: output, errors: String(decoding: screen, as: UTF8.self))
    }

    /// TIOCSPTLCK and TIOCGPTN, which are macros that Swift cannot import.
    private static let unlock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    private struct Files {
        let directory: String
        var input: String { directory + "/input" }
        var output: String { directory + "/output" }
        var errors: String { directory + "/errors" }

        init(input text: String) throws {
            directory = "/tmp/hostal-run-\(UUID().uuidString.lowercased())"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
            try text.write(toFile: input, atomically: false, encoding: .utf8)
        }

        func text(_ file: String) throws -> String { String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self) }
        func remove() { try? FileManager.default.removeItem(atPath: directory) }
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ environment: [String: String], _ actions: posix_spawn_file_actions_t
    ) throws -> pid_t {
        var actions = actions
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        // Threads of Swift's pool block signals, and a child would too.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid = pid_t()
        let error = posix_spawnp(&pid, program, &actions, &attributes, words, variables)
        guard error == 0 else { throw CannotStart(program: program, error: error) }
        return pid
    }

    private static func end(of pid: pid_t, within limit: Duration) async throws -> Int32 {
        var status: Int32?
        do { try await waitUntil("process \(pid) has ended", within: limit) { reap(pid, into: &status) } } catch {
            kill(pid, SIGKILL)
            throw error
        }
        return status ?? -1
    }

    /// The exit code, or 128 and the signal's number.
    private static func reap(_ pid: pid_t, into status: inout Int32?) -> Bool {
        var value: Int32 = 0
        guard waitpid(pid, &value, WNOHANG) == pid else { return false }
        status = value & 0x7f == 0 ? (value >> 8) & 0xff : 128 + value & 0x7f
        return true
    }
}
