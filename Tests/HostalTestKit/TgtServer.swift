import FoundationEssentials
import Glibc
import HostalSystem

/// An iSCSI storage server of a test's own: a tgtd on the loopback address with a control socket, LUN files and a key file in one directory.
/// Ends with the test's process, and forgets its targets when it ends, as tgtd does.
package actor TgtServer {
    package nonisolated let directory: String
    package nonisolated let port: Int
    package nonisolated var luns: String { "\(directory)/luns" }
    package nonisolated var socket: String { "\(directory)/tgtd.sock" }
    package nonisolated var keyFile: String { "\(directory)/key" }
    package nonisolated let pool: String
    private let machine: DisposableHost?
    private var process: ChildProcess?

    /// `directory` is made. In a `machine` the server answers on that host's loopback address.
    package static func start(in directory: String, pool: String, machine: DisposableHost? = nil) async throws -> TgtServer {
        let server = TgtServer(directory: directory, pool: pool, port: machine == nil ? try freePort() : 3260, machine: machine)
        try FileManager.default.createDirectory(atPath: server.luns, withIntermediateDirectories: true)
        try Data("\(pool)\n".utf8).write(to: URL(filePath: "\(server.luns)/.hostal-pool"))
        try Data((0..<32).map { _ in UInt8.random(in: 0...255) }).write(to: URL(filePath: server.keyFile))
        chmod(server.keyFile, 0o600)
        try await server.start()
        return server
    }

    private init(directory: String, pool: String, port: Int, machine: DisposableHost?) {
        self.directory = directory
        self.pool = pool
        self.port = port
        self.machine = machine
    }

    // A test's end does not wait for it: the kernel does the rest with the test's process.
    deinit { process?.send(SIGKILL) }

    package func start() async throws {
        let arguments = ["-f", "--iscsi", "portal=127.0.0.1:\(port)"]
        let command = machine?.commandInNetwork("tgtd", arguments) ?? (program: "tgtd", arguments: arguments)
        process = try await ChildProcess.start(
            command.program, command.arguments, environment: ["TGT_IPC_SOCKET": socket], output: "\(directory)/tgtd.log")
        try await waitUntil("tgtd answers", within: .seconds(20)) {
            do { return try await admin("--mode", "sys", "--op", "show").contains("State") } catch is CommandError {
                return false
            }
        }
    }

    /// As a power cut would end it.
    package func kill9() async {
        await process?.kill9()
        process = nil
    }

    /// tgtadm's answer.
    @discardableResult
    package nonisolated func admin(_ arguments: String...) async throws -> String {
        try await Command("env", ["TGT_IPC_SOCKET=\(socket)", "tgtadm", "--lld", "iscsi"] + arguments, timeout: .seconds(10))
            .run()
    }

    /// By its id, which tgtadm wants.
    package nonisolated func id(of target: String) async throws -> String? {
        try await admin("--mode", "target", "--op", "show").split(separator: "\n")
            .first { $0.hasPrefix("Target ") && $0.hasSuffix(": \(target)") }
            .map { String($0.dropFirst("Target ".count).prefix { $0 != ":" }) }
    }

    /// Behind Hostal's back.
    package nonisolated func changePassword(of user: String, at target: String, to password: String) async throws {
        guard let id = try await id(of: target) else { throw TestKitError("there is no target \(target)") }
        try await admin("--mode", "account", "--op", "delete", "--user", user)
        try await admin("--mode", "account", "--op", "new", "--user", user, "--password", password)
        try await admin("--mode", "account", "--op", "bind", "--tid", id, "--user", user)
    }

    /// Targets, accounts and files of LUNs.
    package nonisolated func leftovers() async throws -> [String] {
        let targets = try await admin("--mode", "target", "--op", "show").split(separator: "\n").filter {
            $0.hasPrefix("Target ")
        }
        let accounts = try await admin("--mode", "account", "--op", "show").split(separator: "\n").dropFirst()
        let files = try FileManager.default.contentsOfDirectory(atPath: luns).filter { $0 != ".hostal-pool" }
        return targets.map(String.init) + accounts.map { "account\($0)" } + files.map { "LUN file \($0)" }
    }

    /// Settings of a pool on this server, by name.
    package nonisolated var settings: [String: String] {
        [
            "portal": "127.0.0.1:\(port)", "target_prefix": "iqn.2026-01.example.test:\(pool)",
            "initiator_prefix": "iqn.2026-01.example.test:host", "key_file": keyFile, "directory": luns, "socket": socket,
        ]
    }

    private static func freePort() throws -> Int {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw TestKitError("cannot find a free port: error \(errno)") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
