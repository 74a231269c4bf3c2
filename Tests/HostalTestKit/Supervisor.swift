import Glibc
import Synchronization

/// A shell that outlives this process by a moment: when the pipe that it reads ends, it stops the server and removes the directory.
///
/// A signal at the parent's death would come too early: Linux sends it when the parent *thread* ends.
final class Supervisor: Sendable {
    private struct State {
        var pid: pid_t
        /// -1 after the end.
        var pipe: Int32
    }
    private let state: Mutex<State>

    private static let script = """
        trap '' INT HUP TERM
        directory=$1; shift
        cat > /dev/null
        "$@" stop -m immediate -s -w > /dev/null 2>&1
        rm -rf -- "$directory"
        """

    /// `stop` is `pg_ctl` with its options, to which the verb is added.
    init(directory: String, stop: [String]) throws {
        var ends: [Int32] = [0, 0]
        // Other children must not keep the pipe open when this process is gone.
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0 else {
            throw TestKitError("cannot make a pipe: error \(errno)")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // A session of its own: Control-C at the terminal is not for it.
        let words = ["/usr/bin/setsid", "/bin/sh", "-c", Self.script, "supervisor", directory] + stop
        let arguments = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        var pid = pid_t()
        let error = posix_spawn(&pid, words[0], &actions, nil, arguments + [nil], environ)
        close(ends[0])
        guard error == 0 else {
            close(ends[1])
            throw TestKitError("cannot start the supervisor: error \(error)")
        }
        state = Mutex(State(pid: pid, pipe: ends[1]))
    }

    deinit { end() }

    /// Ends the server and waits until its directory is gone. Twice is as good as once.
    func end() {
        state.withLock { state in
            guard state.pipe >= 0 else { return }
            close(state.pipe)
            state.pipe = -1
            var status: Int32 = 0
            while waitpid(state.pid, &status, 0) == -1, errno == EINTR {}
        }
    }
}
