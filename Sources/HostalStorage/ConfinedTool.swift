import Glibc
package import HostalModel
import HostalSystem

/// One run of a tool that reads what strangers wrote, `qemu-img` or `qemu-io`, in a sandbox that holds the tool, the files named here and
/// nothing else: no other file, no network unless asked for, no capability, and limits on time, memory and the size of what it writes.
///
/// A run acts as the owner of what it writes, or of what it reads if that is closed to others, and else as a user that nobody is. It
/// ends with the process that started it. Needs bubblewrap, and root for the change of user. Runs at once do not disturb each other.
package struct ConfinedTool: Sendable {
    /// What the tool sees, under the same absolute paths as outside: regular files and block devices that exist.
    package struct Access: Sendable, Hashable {
        package var reads: [String]
        package var writes: [String]
        /// For images on a storage network. The tool then reaches whatever the host reaches.
        package var network: Bool

        package init(reads: [String] = [], writes: [String] = [], network: Bool = false) {
            self.reads = reads
            self.writes = writes
            self.network = network
        }
    }

    package struct Limits: Sendable, Hashable {
        package var time: Duration
        /// Seconds of CPU time, of all threads together.
        package var cpu: Int
        /// The longest file that it may write, in bytes.
        package var fileSize: Int64
        /// Address space, in bytes: 2 GiB. OpenStack settled on the same.
        package static let memory = 2 << 30
        package static let openFiles = 256
        /// Ceph's library has a connection to each disk of its cluster.
        package static let openFilesOnNetwork = 4_096

        package init(time: Duration, cpu: Int, fileSize: Int64) {
            self.time = time
            self.cpu = cpu
            self.fileSize = fileSize
        }
    }

    /// Owns nothing and no process outside: from a range that neither Debian nor systemd gives to anybody.
    package static let nobody: UInt32 = 1_900_000_000

    /// CPU seconds between the signal that says why and the one that cannot be ignored.
    private static let grace = 2

    package var program: String
    package var arguments: [String]
    package var access: Access
    package var limits: Limits
    package var sandbox: ToolSandbox

    package init(_ program: String, _ arguments: [String], access: Access, limits: Limits, sandbox: ToolSandbox = .required) {
        self.program = program
        self.arguments = arguments
        self.access = access
        self.limits = limits
        self.sandbox = sandbox
    }

    /// What the tool wrote to standard output. Throws `CommandError` under the tool's own name.
    package func run() async throws -> String {
        try await named { try await Command("prlimit", try commandLine(), timeout: limits.time).run() }
    }

    /// Hands over each line that the tool writes, also one that ends with a carriage return. A cancelled task ends the tool within a second,
    /// and comes back when it writes no more.
    package func run(line: @escaping @Sendable (String) -> Void) async throws {
        try await named {
            try await StreamingCommand(
                "prlimit", try commandLine(), timeout: limits.time, separators: "\n\r", outlastsChildren: true
            ).run(line: line)
        }
    }

    private func named<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch var error as CommandError {
            error.program = "\(program) \(arguments.first ?? "")"
            if let exceeded = error.exitCode.flatMap({ Self.exceeded[$0] }) { error.reason = exceeded }
            throw error
        }
    }

    /// Exit codes of bubblewrap for a tool that a signal of a limit ended.
    private static let exceeded: [Int32: String] = [
        128 + SIGXCPU: "took more CPU time than it may", 128 + SIGXFSZ: "wrote a longer file than it may",
        128 + SIGKILL: "was killed", 128 + SIGSEGV: "crashed",
    ]

    /// Arguments of prlimit, whose limits all that follows inherits.
    package func commandLine() throws -> [String] {
        let limited = [
            "--cpu=\(limits.cpu):\(limits.cpu + Self.grace)", "--as=\(Limits.memory)", "--core=0", "--fsize=\(limits.fileSize)",
            "--nofile=\(access.network ? Limits.openFilesOnNetwork : Limits.openFiles)",
            "--",
        ]
        guard sandbox == .required else { return limited + [program] + arguments }
        return limited + ["bwrap"] + (try walls()) + ["--"] + (try user()) + ["/usr/bin/\(program)"] + arguments
    }

    private func walls() throws -> [String] {
        var walls = [
            "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session",
        ]
        walls += ["--clearenv", "--setenv", "PATH", "/usr/bin", "--chdir", "/", "--cap-drop", "ALL"]
        if geteuid() == 0 {
            // Only until setpriv, inside, has become the user and given these up as well.
            for needed in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] { walls += ["--cap-add", needed] }
        } else {
            walls.append("--unshare-user")
        }
        walls += ["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
        // bubblewrap makes directories that only root passes through.
        walls += ["--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null"]
        if access.network {
            walls += ["--perms", "0755", "--dir", "/etc"]
            for file in ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"] { walls += ["--ro-bind-try", file, file] }
        } else {
            walls.append("--unshare-net")
        }
        for parent in Set((access.reads + access.writes).flatMap(Self.parents)).sorted() {
            walls += ["--perms", "0755", "--dir", parent]
        }
        for path in access.reads { walls += [try isDevice(path) ? "--dev-bind" : "--ro-bind", path, path] }
        for path in access.writes { walls += [try isDevice(path) ? "--dev-bind" : "--bind", path, path] }
        return walls
    }

    /// `/srv` and `/srv/pool` of `/srv/pool/disk`.
    private static func parents(of path: String) -> [String] {
        let names = path.split(separator: "/").dropLast()
        return names.indices.map { "/" + names[...$0].joined(separator: "/") }
    }

    private func isDevice(_ path: String) throws -> Bool {
        switch try FileFacts(path).kind {
        case .file: return false
        case .blockDevice: return true
        default:
            throw CommandError(program: program, reason: "'\(path)' is neither a regular file nor a block device", errorTail: "")
        }
    }

    private func user() throws -> [String] {
        guard geteuid() == 0 else { return [] }
        let user = try access.writes.first.map { try Self.owner(of: $0) } ?? Self.reader(of: access.reads)
        return [
            "/usr/bin/setpriv", "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all", "--",
        ]
    }

    /// Who can read all of these: nobody in particular, unless one is closed to others; then its owner.
    static func reader(of paths: [String]) throws -> UInt32 {
        for path in paths {
            let facts = try FileFacts(path)
            if facts.mode & 0o004 == 0 { return facts.owner }
        }
        return nobody
    }

    private static func owner(of path: String) throws -> UInt32 { try FileFacts(path).owner }
}
