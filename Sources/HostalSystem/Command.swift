import Subprocess
import SystemPackage

/// A program of the system that ended badly, did not end in time, or could not be started.
package struct CommandError: Error, Sendable, CustomStringConvertible {
    package var program: String
    /// `exit code 1`, `signal 9`, `no answer within 30 s`, `cannot be started: …`.
    package var reason: String
    /// The end of what it wrote to standard error, at most 2,000 characters.
    package var errorTail: String
    /// Nil when it did not exit by itself.
    package var exitCode: Int32?

    package var description: String {
        errorTail.isEmpty ? "\(program): \(reason)" : "\(program): \(reason): \(errorTail)"
    }

    init(program: String, ended status: TerminationStatus, errorTail: String) {
        self.init(program: program, reason: "\(status)", errorTail: errorTail)
        if case .exited(let code) = status { exitCode = code }
    }

    package init(program: String, reason: String, errorTail: String) {
        self.program = program
        self.reason = reason
        self.errorTail = errorTail
    }
}

/// Runs programs of the system: an argument array and never a shell, a time limit, bounded output, no inherited standard input.
package struct Command: Sendable {
    package var program: String
    package var arguments: [String]
    package var timeout: Duration
    /// Given to the program's standard input.
    package var input: String

    /// The most that is kept of standard output and of standard error, in bytes; a program that writes more fails.
    package static let outputLimit = 4 << 20
    package static let defaultTimeout = Duration.seconds(60)

    package init(_ program: String, _ arguments: [String], timeout: Duration = Command.defaultTimeout, input: String = "") {
        self.program = program
        self.arguments = arguments
        self.timeout = timeout
        self.input = input
    }

    /// What the program wrote to standard output. Throws `CommandError` unless it exits with 0 within the time limit; one that does not is
    /// killed, with SIGTERM first and SIGKILL a second later.
    @concurrent
    package func run() async throws -> String {
        try await withThrowingTaskGroup(of: String?.self) { group in
            group.addTask { try await start() }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let output = first else {
                throw CommandError(program: program, reason: "no answer within \(timeout)", errorTail: "")
            }
            return output
        }
    }

    private func start() async throws -> String {
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(1))]
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
                platformOptions: options, input: .string(input),
                output: .string(limit: Self.outputLimit), error: .string(limit: Self.outputLimit))
        } catch let error as SubprocessError {
            throw CommandError(program: program, reason: "cannot be run: \(error)", errorTail: "")
        }
        guard result.terminationStatus.isSuccess else {
            let tail = String(result.standardError.suffix(2_000)).split(separator: "\n").joined(separator: "; ")
            throw CommandError(program: program, ended: result.terminationStatus, errorTail: tail)
        }
        return result.standardOutput
    }
}
