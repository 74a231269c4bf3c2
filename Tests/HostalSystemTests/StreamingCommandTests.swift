import Glibc
import HostalSystem
import Synchronization
import Testing

@Suite struct StreamingCommandTests {
    /// The lines in the order in which they came.
    private final class Lines: Sendable {
        private let all = Mutex<[String]>([])
        var text: [String] { all.withLock { $0 } }
        @Sendable func add(_ line: String) { all.withLock { $0.append(line) } }
    }
    private let limit = Duration.seconds(20)

    @Test func handsOverEachLineOfBothOutputs() async throws {
        let lines = Lines()
        let script = "echo one; echo two >&2; printf 'three, without a newline'"
        try await StreamingCommand("bash", ["-c", script], timeout: limit).run(line: lines.add)
        #expect(lines.text == ["one", "two", "three, without a newline"])
    }

    @Test func handsOverALineWhileTheProgramStillRuns() async throws {
        let pipe = "/tmp/hostal-streaming-\(UInt64.random(in: 0 ... .max))"
        try #require(mkfifo(pipe, 0o600) == 0)
        let end = open(pipe, O_RDWR | O_CLOEXEC)
        defer {
            close(end)
            unlink(pipe)
        }
        // The program goes on only when its first line has been answered.
        try await StreamingCommand("bash", ["-c", "echo first; read -r < \(pipe)"], timeout: limit).run { _ in
            _ = write(end, "go on\n", 6)
        }
    }

    @Test func cutsALineThatIsTooLong() async throws {
        let lines = Lines()
        let script = "head -c 10000 /dev/zero | tr '\\0' x; echo; echo next"
        try await StreamingCommand("bash", ["-c", script], timeout: limit).run(line: lines.add)
        #expect(lines.text.map(\.count) == [StreamingCommand.lineLimit, 4])
    }

    @Test func anErrorCarriesTheExitCodeAndTheLastLines() async throws {
        let error = try await #require(throws: CommandError.self) {
            try await StreamingCommand("bash", ["-c", "seq 100; exit 3"], timeout: limit).run { _ in }
        }
        #expect(error.exitCode == 3)
        #expect(error.errorTail.hasPrefix("81; 82") && error.errorTail.hasSuffix("100"))
    }

    @Test func aProgramThatIsNotThereIsNamed() async throws {
        let error = try await #require(throws: CommandError.self) {
            try await StreamingCommand("no-such-program", [], timeout: limit).run { _ in }
        }
        #expect(error.program == "no-such-program" && error.exitCode == nil)
    }

    @Test func aProgramThatOutlastsItsTimeLimitIsKilled() async throws {
        let lines = Lines()
        let error = try await #require(throws: CommandError.self) {
            try await StreamingCommand("bash", ["-c", "echo $$; exec sleep 600"], timeout: .seconds(1)).run(line: lines.add)
        }
        #expect(error.reason.hasPrefix("no end within"))
        let process = try #require(lines.text.first.flatMap { pid_t($0) })
        #expect(kill(process, 0) == -1)
    }
}
