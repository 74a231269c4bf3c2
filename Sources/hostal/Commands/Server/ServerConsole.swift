import ArgumentParser
import Glibc
import HostalClient

struct ServerConsole: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console", abstract: "Opens a server's serial console.",
        usage: "hostal server console <server> [<options>]",
        discussion: """
            Works without network and SSH: it is the server's serial line. Press
            Enter when it shows nothing: what was said before is not kept. Ctrl-]
            ends it. Without a terminal, standard input is typed and the console
            goes to standard output until the session ends.

              hostal server console web-1
            """)
    @OptionGroup var argument: ServerArgument
    @Flag(help: "Take it over from whoever has it open.") var force = false
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() throws {
        let client = try connection.open()
        let server = try client.server(argument.server, to: "open the console of")
        let task = "open the console of server \(server.name)"
        let root = "/servers/\(server["id"].int ?? 0)/console"
        let opened = try doing(task) {
            try client.send(APIRequest(.post, root, body: ["force": .bool(force)]))
        }
        let path = "\(root)/\(opened.body["console"]["id"].int ?? 0)"
        let isTerminal = isatty(STDIN_FILENO) == 1
        Terminal.note("console of server \(server.name)\(isTerminal ? "; Ctrl-] ends it" : "")".printable)
        let restore = isTerminal ? try RawTerminal.begin() : {}
        let reason: String?
        do {
            defer { restore() }
            reason = try doing("go on with the console of server \(server.name)") {
                try ConsoleTraffic(client: client, path: path, isTerminal: isTerminal).run()
            }
        } catch {
            _ = try? client.send(APIRequest(.delete, path))
            throw error
        }
        // The server may have gone first; both is well.
        guard let reason else {
            _ = try? client.send(APIRequest(.delete, path))
            return Terminal.note("\nconsole closed")
        }
        Terminal.note("\nconsole closed: \(Self.words[reason] ?? reason)".printable)
        if reason == "too-slow" || reason == "taken-over" {
            throw CommandError(
                .other, "cannot go on with the console of server \(server.name): \(Self.words[reason] ?? reason)".printable)
        }
    }

    /// Why the API ends a session.
    private static let words = [
        "line-closed": "the server was powered off, or its host closed the line", "taken-over": "somebody has taken it over",
        "too-slow": "the server said more than could be read here in time", "idle": "nothing happened for too long",
        "lifetime": "its time is over", "token-revoked": "the token may not use it any more",
        "stopping": "the service is being restarted; open it again",
    ]
}

/// Copies both ways until one side is done.
private struct ConsoleTraffic {
    /// Of one request, in bytes; the API takes no more.
    private static let inputAtOnce = 4_096
    /// Ctrl-].
    private static let escape: UInt8 = 0x1D

    let client: APIClient
    let path: String
    let isTerminal: Bool

    /// Why the API ended it; nil when it was ended here. Throws an `APIFailure`.
    func run() throws -> String? {
        var isOutputGone = false
        let stream = try client.stream(path, trailer: "Console-End") { bytes in
            isOutputGone = !Self.put(bytes)
            return !isOutputGone
        }
        var input = STDIN_FILENO
        while true {
            switch try stream.wait(for: input) {
            case .ended(let reason): return isOutputGone ? nil : reason ?? "line-closed"
            case .readable:
                var piece = [UInt8](repeating: 0, count: Self.inputAtOnce)
                let count = read(input, &piece, piece.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    // Nothing more to type; there may be more to read.
                    if isTerminal { return nil }
                    input = -1
                    continue
                }
                let typed = piece[..<count].prefix { !isTerminal || $0 != Self.escape }
                if !typed.isEmpty {
                    var request = APIRequest(.post, path + "/input")
                    request.bytes = Array(typed)
                    do throws(APIFailure) { _ = try client.send(request) } catch {
                        // The session has ended meanwhile: the stream says why.
                        guard case .refused(let refusal) = error, refusal.status == 404 else { throw error }
                        input = -1
                    }
                }
                if typed.count < count { return nil }
            }
        }
    }

    /// False when standard output is gone.
    private static func put(_ bytes: [UInt8]) -> Bool {
        var left = bytes[...]
        while !left.isEmpty {
            let count = left.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            left = left.dropFirst(count)
        }
        return true
    }
}
