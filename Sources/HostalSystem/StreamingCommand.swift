import Subprocess
import SystemPackage

/// Runs a program that takes minutes and hands over what it writes, line by line, while it runs: an argument array and never a shell, a
/// time limit, bounded lines, nothing on its standard input.
package struct StreamingCommand: Sendable {
    package var program: String
    package var arguments: [String]
    package var timeout: Duration
    /// What ends a line: each of these ASCII characters does.
    package var separators: String
    /// A run that is ended early comes back only when nobody can write to its output any more: for programs whose children die with them.
    package var outlastsChildren: Bool

    /// What is kept of a line, in bytes; the rest of a longer one is dropped.
    package static let lineLimit = 4_096
    /// How many of the last lines an error carries.
    package static let tailLines = 20
    /// How long the program has between SIGTERM and SIGKILL.
    package static let gracePeriod = Duration.seconds(1)

    package init(
        _ program: String, _ arguments: [String], timeout: Duration, separators: String = "\n", outlastsChildren: Bool = false
    ) {
        self.program = program
        self.arguments = arguments
        self.timeout = timeout
        self.separators = separators
        self.outlastsChildren = outlastsChildren
    }

    /// Returns when the program has exited with 0. `line` is called with each line of standard output and standard error in the order of
    /// writing, one at a time, without its newline. Throws `CommandError` with the last lines otherwise. A program that runs longer than
    /// `timeout`, or whose task is cancelled, is killed, SIGTERM first; its children are not.
    @concurrent
    package func run(line: @escaping @Sendable (String) -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await start(line)
                return true
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == true else {
                throw CommandError(program: program, reason: "no end within \(timeout)", errorTail: "")
            }
        }
    }

    private func start(_ line: @escaping @Sendable (String) -> Void) async throws {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: Self.gracePeriod)]
        var tail: [String] = []
        let result: ExecutionResult<Void, SequenceOutput, CombinedErrorOutput>
        do {
            result = try await Subprocess.run(
                .name(program), arguments: Arguments(arguments), platformOptions: options, input: .none, output: .sequence,
                error: .combinedWithOutput
            ) { execution in
                let output = execution.standardOutput
                // The task of its own is not cancelled, and reads on until the last writer is gone.
                tail = try await outlastsChildren ? Task { try await read(output, line) }.value : read(output, line)
            }
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw CommandError(program: program, reason: "cannot be run: \(error)", errorTail: "")
        }
        try Task.checkCancellation()
        guard result.terminationStatus.isSuccess else {
            throw CommandError(program: program, ended: result.terminationStatus, errorTail: tail.joined(separator: "; "))
        }
    }
}

extension StreamingCommand {
    /// The last lines.
    private func read(
        _ output: SubprocessOutputSequence, _ line: @Sendable (String) -> Void
    ) async throws -> [String] {
        var tail: [String] = []
        var lines = LineSplitter(limit: Self.lineLimit, separators: Array(separators.utf8))
        for try await buffer in output {
            for text in buffer.withUnsafeBytes({ lines.add($0) }) {
                tail = tail.suffix(Self.tailLines - 1) + [text]
                line(text)
            }
        }
        if let text = lines.end() {
            tail.append(text)
            line(text)
        }
        return tail
    }
}

/// Cuts a stream of bytes at its separators. Of a line longer than `limit` bytes the beginning is kept.
struct LineSplitter {
    let limit: Int
    let separators: [UInt8]
    private var current: [UInt8] = []

    init(limit: Int, separators: [UInt8]) {
        self.limit = limit
        self.separators = separators
    }

    /// The lines that these bytes complete.
    mutating func add(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if separators.contains(byte) {
                lines.append(String(decoding: current, as: UTF8.self))
                current.removeAll(keepingCapacity: true)
            } else if current.count < limit {
                current.append(byte)
            }
        }
        return lines
    }

    /// What stood after the last separator, nil for nothing.
    mutating func end() -> String? {
        guard !current.isEmpty else { return nil }
        defer { current = [] }
        return String(decoding: current, as: UTF8.self)
    }
}
