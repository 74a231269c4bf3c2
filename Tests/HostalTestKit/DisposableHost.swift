import Glibc
import HostalSystem
import Synchronization

/// A KVM host of a test's own, with its own network, processes and libvirtd: `Tests/Fixtures/disposable-host` says how.
///
/// Needs root. Comes up in about half a second. It goes down with `down()`, and also when this process dies, however it dies.
/// Paths outside libvirt's own directories are the machine's, so a disk made by a test is there for the host's guests too.
package actor DisposableHost {
    /// Unique on the machine: the name asked for, with this process's number.
    package nonisolated let name: String
    /// Holds libvirt's state, and is the place for disks of this host's guests: the user that they run as may enter it.
    package nonisolated let directory: String
    /// The host lives as long as this is open.
    private var lifeline: CInt

    /// For whoever starts hosts in another way.
    package static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/Fixtures/disposable-host"
    private static let counter = Atomic(0)
    private static let upLimit = Duration.seconds(60)

    /// Starts a host. Each of `addresses` has a prefix length and goes onto the bridge.
    package static func up(
        name: String, bridge: String = "br0", addresses: [String] = ["203.0.113.1/24", "2001:db8::1/64"]
    ) async throws -> DisposableHost {
        let unique = "\(name)-\(getpid())-\(counter.add(1, ordering: .relaxed).newValue)"
        let directory = "/tmp/\(unique)"
        let fifo = "\(directory)/lifeline"
        guard mkdir(directory, 0o711) == 0, mkfifo(fifo, 0o600) == 0 else { throw DisposableHostError(directory, errno) }
        // Open for reading too: opening a FIFO for writing only would wait for the host's end of it.
        let lifeline = open(fifo, O_RDWR | O_CLOEXEC)
        guard lifeline >= 0 else { throw DisposableHostError(fifo, errno) }
        let host = DisposableHost(name: unique, directory: directory, lifeline: lifeline)
        let options = ["--bridge", bridge] + addresses.flatMap { ["--address", $0] } + ["--until-closed", fifo]
        do {
            _ = try await Command("bash", [script, "up", unique, directory] + options, timeout: upLimit).run()
        } catch {
            try await host.down()
            throw error
        }
        return host
    }

    private init(name: String, directory: String, lifeline: CInt) {
        self.name = name
        self.directory = directory
        self.lifeline = lifeline
    }

    /// How a process outside reaches this host's libvirtd.
    package nonisolated var libvirtURI: String { "qemu+unix:///system?socket=\(directory)/run/libvirt-sock" }

    /// What to run so that `program` runs inside the host, in directory `/`. SIGKILL reaches it through the process that this
    /// starts; other signals do not.
    package nonisolated func command(_ program: String, _ arguments: [String]) -> (program: String, arguments: [String]) {
        ("bash", [Self.script, "exec", name, program] + arguments)
    }

    /// What to run so that `program` sees the host's network and is otherwise on the machine: the process started *is* the program,
    /// so every signal reaches it.
    package nonisolated func commandInNetwork(_ program: String, _ arguments: [String]) -> (program: String, arguments: [String])
    {
        ("bash", [Self.script, "net", name, program] + arguments)
    }

    /// Runs a program inside the host and returns what it printed. Throws `CommandError` unless it exits with 0.
    @discardableResult
    package nonisolated func run(_ program: String, _ arguments: [String] = []) async throws -> String {
        let command = command(program, arguments)
        return try await Command(command.program, command.arguments).run()
    }

    /// Guests go on running.
    package func restartLibvirtd() async throws { try await script("restart-libvirtd") }
    package func stopLibvirtd() async throws { try await script("stop-libvirtd") }
    package func startLibvirtd() async throws { try await script("start-libvirtd") }

    /// Ends every process of the host and removes its directory with all that is in it. Down already is success.
    package func down() async throws {
        try await script("down")
        if lifeline >= 0 { close(lifeline) }
        lifeline = -1
        _ = try await Command("rm", ["-rf", directory]).run()
    }

    private func script(_ verb: String) async throws { _ = try await Command("bash", [Self.script, verb, name]).run() }
}

package struct DisposableHostError: Error, CustomStringConvertible {
    package let description: String
    init(_ path: String, _ code: CInt) { description = "cannot make \(path): \(String(cString: strerror(code)))" }
}
