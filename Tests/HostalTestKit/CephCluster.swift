import FoundationEssentials
import Glibc
import HostalSystem

/// A Ceph cluster of a test's own, on one disk that is a file: `Tests/Fixtures/ceph-cluster` says how.
///
/// It is up in about 15 seconds, and ends with `stop()` or with this process, however that ends.
package final class CephCluster: Sendable {
    package let directory: String
    package let monitors: String
    /// Ceph's names.
    package let pool = "vps"
    package let user = "vps"
    private let supervisor: Supervisor
    private let host: DisposableHost?

    private static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/Fixtures/ceph-cluster"
    private static let startLimit = Duration.seconds(180)

    /// These tests take minutes, and packages that others do not need.
    package static var isAskedFor: Bool { ProcessInfo.processInfo.environment["HOSTAL_CEPH"] == "1" }

    /// On the loopback of the machine, or of a host's own network. `gib` is the disk's size.
    package init(on host: DisposableHost? = nil, gib: Int = 8) async throws {
        var name = Array("/tmp/hostal-ceph-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw TestKitError("cannot make a directory in /tmp: error \(errno)") }
        directory = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        self.host = host
        supervisor = try Supervisor(directory: directory, stop: ["bash", Self.script, directory])
        try await Self.run(["start", "\(gib)"], directory, host)
        let port = try String(contentsOfFile: "\(directory)/port", encoding: .utf8).filter(\.isNumber)
        monitors = "127.0.0.1:\(port)"
    }

    package var keyring: String { "\(directory)/client.vps.keyring" }

    package func control(_ verb: String) async throws { try await Self.run([verb], directory, host) }

    /// `rbd` as the cluster's administrator.
    @discardableResult
    package func rbd(_ arguments: [String]) async throws -> String {
        try await Self.command("rbd", ["--conf", "\(directory)/ceph.conf"] + arguments, host).run()
    }

    package func images() async throws -> [String] {
        let text = try await rbd(["ls", pool]) + rbd(["trash", "ls", "--all", pool])
        return text.split(separator: "\n").map(String.init).sorted()
    }

    /// Kills all of it, and removes the directory. Waits for both.
    package func stop() { supervisor.end() }

    private static func run(_ words: [String], _ directory: String, _ host: DisposableHost?) async throws {
        _ = try await command("bash", [script, directory] + words, host, limit: startLimit).run()
    }

    private static func command(
        _ program: String, _ arguments: [String], _ host: DisposableHost?, limit: Duration = .seconds(60)
    ) -> Command {
        guard let host else { return Command(program, arguments, timeout: limit) }
        let inNetwork = host.commandInNetwork(program, arguments)
        return Command(inNetwork.program, inNetwork.arguments, timeout: limit)
    }
}
