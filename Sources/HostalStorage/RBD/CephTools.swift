import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// Runs `rbd` and `ceph` as a pool's user. The key is in a file that they read: it is in no argument. Throws a `Failure` that names the pool,
/// or an `RBDRefusal` where the answer is one that a caller may expect.
struct CephTools: Sendable {
    let name: PoolName
    let settings: RBDPoolSettings
    private let connection: [String]
    private let monitors: String

    /// For what touches headers only.
    static let quickLimit = Duration.seconds(60)
    /// For what reads, writes or removes all of a disk.
    static let longLimit = Duration.seconds(3600)
    /// How long a tool waits for one answer of the cluster, in seconds; then it gives up by itself.
    static let answerLimit = 20

    init(name: PoolName, settings: RBDPoolSettings) throws {
        self.name = name
        self.settings = settings
        let addresses = try settings.peers().map { "v1:\($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" }
        monitors = "[\(addresses.joined(separator: "],["))]"
        connection = [
            "--conf", settings.conf ?? "/dev/null", "-m", monitors, "--id", settings.user,
            "--keyring", settings.keyringPath, "--client-mount-timeout=\(Self.answerLimit)",
            "--rados-mon-op-timeout=\(Self.answerLimit)", "--rados-osd-op-timeout=\(Self.answerLimit)",
        ]
    }

    /// The same for QEMU's library, as a configuration file: the key's file is named in it, and the key is not.
    var configuration: String {
        """
        [global]
        mon_host = \(monitors)
        keyring = \(settings.keyringPath)
        client_mount_timeout = \(Self.answerLimit)
        rados_mon_op_timeout = \(Self.answerLimit)
        rados_osd_op_timeout = \(Self.answerLimit)

        """
    }

    /// `pool/image`, as the tools take it.
    func spec(_ image: String) -> String { "\(settings.pool)/\(image)" }

    @discardableResult
    func rbd(_ arguments: [String], within limit: Duration = quickLimit, cannot action: String) async throws -> String {
        try await run("rbd", arguments, cannot: action) { try await Command("rbd", $0, timeout: limit).run() }
    }

    /// Hands over each line of progress. A cancelled task ends the tool within seconds.
    func rbd(
        _ arguments: [String], within limit: Duration, cannot action: String, line: @escaping @Sendable (String) -> Void
    ) async throws {
        try await run("rbd", arguments, cannot: action) {
            try await StreamingCommand("rbd", $0, timeout: limit, separators: "\n\r").run(line: line)
        }
    }

    func rbd<T: Decodable>(_ arguments: [String], as type: T.Type, cannot action: String) async throws -> T {
        try decode(try await rbd(arguments + ["--format", "json"], cannot: action), type, cannot: action)
    }

    /// Gives the image the name; false where another has it. Ceph may answer yes to two that do this at once, though it does it for one: the
    /// caller removes what still has its old name then.
    @discardableResult
    func offer(_ image: String, as name: String, cannot action: String) async throws -> Bool {
        do {
            try await rbd(["mv", spec(image), spec(name)], cannot: action)
            return true
        } catch RBDRefusal.exists {
            return false
        }
    }

    func ceph<T: Decodable>(_ arguments: [String], as type: T.Type, cannot action: String) async throws -> T {
        try decode(
            try await run("ceph", arguments + ["--format", "json"], cannot: action) {
                try await Command("ceph", $0, timeout: Self.quickLimit).run()
            }, type, cannot: action)
    }

    private func decode<T: Decodable>(_ text: String, _ type: T.Type, cannot action: String) throws -> T {
        do { return try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
            throw failure(
                .temporary, "cannot \(action): the host's storage reported an error", "an answer cannot be read: \(error)")
        }
    }

    private func run<Output>(
        _ program: String, _ arguments: [String], cannot action: String, _ start: ([String]) async throws -> Output
    ) async throws -> Output {
        do {
            return try await start(connection + arguments)
        } catch var error as CommandError {
            error.program = "\(program) \(arguments.first { !$0.hasPrefix("-") } ?? "")"
            // `ceph` exits with 1 whatever it was, and writes the number.
            if program == "ceph", let number = error.errorTail.firstMatch(of: /\[errno (\d+)\]/)?.output.1 {
                error.exitCode = Int32(number)
            }
            throw meaning(of: error, cannot: action)
        }
    }

    /// The tools exit with the number of the system's error.
    private func meaning(of error: CommandError, cannot action: String) -> any Error {
        let tail = error.errorTail
        if Self.saysWrongSettings(error) {
            return failure(.needsOperator, "cannot \(action): the settings of the disk pool are wrong", "\(error)")
        }
        switch error.exitCode {
        case ENOENT where Self.absences.contains { tail.contains($0) }: return RBDRefusal.absent
        case EEXIST: return RBDRefusal.exists
        case EBUSY where tail.contains("has watchers") || tail.contains("still has watchers"): return RBDRefusal.inUse
        case ENOTEMPTY: return RBDRefusal.hasSnapshots
        case ENOSPC, EDQUOT:
            return failure(.permanent, "cannot \(action): the disk pool is full", "\(error)", .storageFull)
        case nil where error.reason.hasPrefix("cannot be run"):
            return failure(
                .needsOperator, "cannot \(action): the host lacks a program", "\(error); it is in Debian's ceph-common")
        case nil, ETIMEDOUT, ENOTCONN, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH:
            return failure(.temporary, "cannot \(action): its storage is not available", "\(error)")
        default:
            return failure(.temporary, "cannot \(action): the host's storage reported an error", "\(error)")
        }
    }

    /// What the tools say of images and snapshots that are not there.
    private static let absences = [
        "error opening image", "error opening source image", "delete error", "error setting snapshot context",
        "snapshot does not exist",
        "failed to remove snapshot",
    ]

    /// No such user, key or pool, or a user that may not.
    private static func saysWrongSettings(_ error: CommandError) -> Bool {
        switch error.exitCode {
        case EPERM, EACCES: true
        case ENOENT: error.errorTail.contains("error opening pool")
        case EOPNOTSUPP: error.errorTail.contains("no keyring found")
        default: false
        }
    }

    func failure(_ kind: Failure.Kind, _ message: String, _ detail: String, _ code: Failure.Code = .serviceError) -> Failure {
        Failure(kind, code, message, detail: "pool '\(name)' (Ceph pool '\(settings.pool)' at \(settings.monitors)): \(detail)")
    }
}

/// Answers of the cluster that are no trouble of its own.
enum RBDRefusal: Error {
    case absent, exists
    /// Something has it open, or had a moment ago.
    case inUse
    case hasSnapshots
}
