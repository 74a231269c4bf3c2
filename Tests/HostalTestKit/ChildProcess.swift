package import Glibc
import HostalSystem

/// A program under test that runs on while the test does. It dies with the test process, and its output goes to a file.
package actor ChildProcess {
    private let executor: ThreadExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    package nonisolated let pid: pid_t
    private var status: Int32?

    package enum End: Hashable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    /// One thread starts every child of the process and never ends: the kernel kills a child whose *starting thread* has ended.
    private static let starter = Starter()

    private actor Starter {
        private let executor = ThreadExecutor(name: "starter")
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        func start(_ program: String, _ arguments: [String], _ environment: [String: String], _ output: String) throws -> pid_t {
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
            var merged = ProcessEnvironment.current
            for (key, value) in environment { merged[key] = value }
            let words = (["setpriv", "--pdeathsig", "KILL", program] + arguments).map { strdup($0) } + [nil]
            let variables = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
            defer { for pointer in words + variables { free(pointer) } }
            var pid = pid_t()
            let error = posix_spawnp(&pid, "setpriv", &actions, nil, words, variables)
            guard error == 0 else { throw CannotStart(program: program, error: error) }
            return pid
        }
    }

    package static func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], output: String
    ) async throws -> ChildProcess {
        ChildProcess(pid: try await starter.start(program, arguments, environment, output))
    }

    private init(pid: pid_t) {
        self.pid = pid
        executor = ThreadExecutor(name: "child")
    }

    /// Somebody must reap it: beside a child that nobody waits for, the tests' library looks for ends of processes without a pause.
    deinit {
        guard status == nil else { return }
        let pid = pid
        DetachedThread.start("reaper") { while waitpid(pid, nil, 0) == -1, errno == EINTR {} }
    }

    package nonisolated func send(_ signal: Int32) { kill(pid, signal) }

    /// Waits until the process is over. Throws when it is not within the limit.
    package func end(within limit: Duration) async throws -> End {
        try await waitUntil("process \(pid) has ended", within: limit) { self.poll() }
        let status = self.status ?? 0
        return status & 0x7f == 0 ? .exit((status >> 8) & 0xff) : .signal(status & 0x7f)
    }

    package var isRunning: Bool { !poll() }

    /// Whether the process is stopped, by SIGSTOP for instance.
    package nonisolated var isStopped: Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return false }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 512)
        guard fgets(&text, 512, file) != nil else { return false }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).contains(") T ")
    }

    private func poll() -> Bool {
        if status != nil { return true }
        var value: Int32 = 0
        guard waitpid(pid, &value, WNOHANG) == pid else { return false }
        status = value
        return true
    }

    /// Ends the process at once, if it still runs, and reaps it.
    package func kill9() async {
        guard !poll() else { return }
        kill(pid, SIGKILL)
        var value: Int32 = 0
        if waitpid(pid, &value, 0) == pid { status = value }
    }
}

package struct CannotStart: Error, CustomStringConvertible {
    package var program: String
    package var error: Int32
    package var description: String { "cannot start \(program): \(String(cString: strerror(error)))" }
}

enum ProcessEnvironment {
    static var current: [String: String] {
        var found: [String: String] = [:]
        var entry = environ
        while let variable = entry.pointee {
            let parts = String(cString: variable).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { found[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return found
    }
}
