import FoundationEssentials
import Glibc
import HostalSystem
import Synchronization

/// An NFS server of a test's own on a loopback address of its own: `Tests/Fixtures/nfs-server` says how. Needs root.
package actor NFSServer {
    package nonisolated let address: String
    /// What is exported, as the server's own disk has it.
    package nonisolated let directory: String
    package nonisolated let export = "/export"

    private let base: String
    private let host: DisposableHost?
    private var process: ChildProcess?

    private static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/Fixtures/nfs-server"
    private static let counter = Atomic(0)
    private static let upLimit = Duration.seconds(20)

    /// `host`: the server runs in its network, and is reached from nowhere else.
    package static func up(in host: DisposableHost? = nil) async throws -> NFSServer {
        let server = NFSServer(number: counter.add(1, ordering: .relaxed).newValue, host: host)
        do { try await server.start() } catch {
            await server.down()
            throw error
        }
        return server
    }

    private init(number: Int, host: DisposableHost?) {
        let process = Int(getpid())
        base = "/tmp/hostal-nfs-\(process)-\(number)"
        directory = "\(base)/export"
        // Of 127.0.0.0/8, where every address is the machine's own: tests at once have different ones.
        address = "127.\(1 + process % 250).\(1 + process / 250 % 250).\(1 + number % 250)"
        self.host = host
    }

    /// Also again, after `kill`: everything on the export is as it was.
    package func start() async throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // Else the log of the server before would say that this one is ready.
        try Data().write(to: URL(filePath: "\(base)/log"))
        let arguments = [Self.script, "serve", base, address]
        let command = host?.commandInNetwork("bash", arguments) ?? (program: "bash", arguments: arguments)
        let started = try await ChildProcess.start(command.program, command.arguments, output: "\(base)/output")
        process = started
        try await waitUntil("the NFS server is up: see \(base)/log", within: Self.upLimit) {
            guard await started.isRunning else {
                throw NotInTime(what: "the NFS server has ended: \(Self.text("\(base)/output"))", limit: .zero)
            }
            return Self.text("\(base)/log").contains("NFS SERVER INITIALIZED")
        }
    }

    /// Ends the server as a power cut would.
    package func kill() async {
        await process?.kill9()
        process = nil
    }

    /// Has the server answer nothing, or answer again: connections stay.
    package func setSilent(_ isSilent: Bool) throws {
        guard let process else { return }
        let children = Self.text("/proc/\(process.pid)/task/\(process.pid)/children")
        for child in children.split(separator: " ").compactMap({ pid_t($0) }) {
            Glibc.kill(child, isSilent ? SIGSTOP : SIGCONT)
        }
    }

    package func down() async {
        await kill()
        try? FileManager.default.removeItem(atPath: base)
    }

    private static func text(_ path: String) -> String {
        // Not its size: files of /proc have none.
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
