import FoundationEssentials
import Glibc
import HostalModel
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// What any program in the sandbox sees and may do; `qemu-img` is one.
@Suite struct ConfinedToolTests {
    private let root: TestDirectory
    private static let limits = ConfinedTool.Limits(time: .seconds(20), cpu: 10, fileSize: 1 << 20)

    init() throws { root = try TestDirectory() }

    private func run(
        _ program: String, _ arguments: [String], reads: [String] = [], writes: [String] = [], network: Bool = false,
        limits: ConfinedTool.Limits = ConfinedToolTests.limits
    ) async throws -> String {
        try await ConfinedTool(
            program, arguments, access: .init(reads: reads, writes: writes, network: network), limits: limits
        ).run()
    }

    private func error(_ body: () async throws -> Void) async throws -> CommandError {
        do {
            try await body()
        } catch let error as CommandError {
            return error
        }
        throw CommandError(program: "", reason: "nothing was refused", errorTail: "")
    }

    @Test func onlyTheNamedFilesAreThere() async throws {
        let named = try root.file("named", Array("yes".utf8))
        let other = try root.file("other", Array("no".utf8))
        #expect(try await run("cat", [named], reads: [named]) == "yes")
        #expect(try await error { _ = try await run("cat", [other], reads: [named]) }.errorTail.contains("No such file"))
        #expect(try await run("ls", ["/"], reads: [named]).split(separator: "\n") == ["dev", "lib", "lib64", "tmp", "usr"])
        #expect(try await run("ls", ["/dev"]) == "null\n")
        for secret in ["/etc/shadow", "/proc/1/environ", "/dev/vda", "/root"] {
            #expect(try await error { _ = try await run("cat", [secret]) }.errorTail.contains("No such file"))
        }
    }

    @Test func whatIsNamedForReadingIsNotWritten() async throws {
        let named = try root.file("named", [1])
        chmod(named, 0o666)
        let refused = try await error { _ = try await run("truncate", ["-s", "0", named], reads: [named]) }
        #expect(refused.errorTail.contains("Read-only file system"))
        #expect(try await error { _ = try await run("touch", ["/usr/x"]) }.errorTail.contains("touch"))
    }

    /// Root's own files can be written only by root, who then is one without any capability.
    @Test func itIsNobodyOrTheOwnerOfWhatItWritesAndHasNoCapabilities() async throws {
        let mine = try root.file("mine", [])
        let given = try root.file("given", [])
        #expect(chown(given, 4711, 4712) == 0)
        #expect(try await run("id", ["-u"]) == "\(ConfinedTool.nobody)\n")
        #expect(try await run("id", ["-u"], writes: [mine]) == "0\n")
        #expect(try await run("id", ["-u"], writes: [given]) == "4711\n")
        chmod(given, 0o600)
        #expect(try await run("id", ["-u"], reads: [given]) == "4711\n")
        for writes in [[], [mine]] {
            let state = try await run("setpriv", ["-dd"], writes: writes)
            #expect(state.contains("Effective capabilities: [none]") && state.contains("Permitted capabilities: [none]"))
            #expect(state.contains("Capability bounding set: [none]") && state.contains("no_new_privs: 1"), "\(state)")
        }
    }

    @Test func theNetworkIsThereWhenItIsAskedFor() async throws {
        let server = try ImageServer(.init(body: [1]))
        defer { server.stop() }
        let script = ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(server.port) && echo reached"]
        #expect(try await run("bash", script, network: true) == "reached\n")
        // Its own loopback is there, and nobody on it.
        #expect(try await error { _ = try await run("bash", script) }.errorTail.contains("refused"))
    }

    @Test func eachLimitEndsItWithAReason() async throws {
        let file = try root.file("file", [])
        let short = ConfinedTool.Limits(time: .milliseconds(500), cpu: 1, fileSize: 4096)
        let long = ConfinedTool.Limits(time: .seconds(30), cpu: 1, fileSize: 4096)
        let time = try await error { _ = try await run("sleep", ["98765"], limits: short) }
        #expect(time.reason.contains("no answer within"))
        let cpu = try await error { _ = try await run("bash", ["-c", "while :; do :; done"], limits: long) }
        #expect(cpu.reason == "took more CPU time than it may", "\(cpu)")
        let size = try await error {
            _ = try await run("bash", ["-c", "exec /usr/bin/dd if=/usr/bin/bash of=\(file)"], writes: [file], limits: long)
        }
        #expect(size.reason == "wrote a longer file than it may", "\(size)")
        let memory = try await error { _ = try await run("dd", ["if=/usr/bin/bash", "of=/dev/null", "bs=3G", "count=1"]) }
        #expect(memory.errorTail.contains("memory exhausted"), "\(memory)")
    }

    /// What a name leads to is not what was looked at: a link is refused, and so is what would block.
    @Test func onlyFilesAreLetIn() async throws {
        let file = try root.file("file", [1])
        let link = root.directory.path(of: "link")
        let fifo = root.directory.path(of: "fifo")
        #expect(symlink(file, link) == 0 && mkfifo(fifo, 0o600) == 0)
        for path in [link, fifo, root.path, "/dev/null"] {
            #expect(try await error { _ = try await run("cat", [path], reads: [path]) }.reason.contains("neither"), "\(path)")
        }
        await #expect(throws: FileError.self) { try await run("cat", ["/absent"], reads: ["/absent"]) }
    }

    /// With whom it was started for, and with all that it started.
    @Test func itEndsWithItsTaskAndWithItsStarter() async throws {
        let mark = "\(Int.random(in: 100_000_000...999_999_999))"
        let tool = ConfinedTool("sleep", [mark], access: .init(), limits: Self.limits)
        let task = Task { try await tool.run { _ in } }
        try await waitUntil("it runs") { try processes(with: mark) > 0 }
        let asked = ContinuousClock.now
        task.cancel()
        _ = await task.result
        try await waitUntil("it has ended", within: .seconds(1)) { try processes(with: mark) == 0 }
        #expect(ContinuousClock.now - asked < .seconds(1))

        let line = try tool.commandLine().map { "'\($0)'" }.joined(separator: " ")
        let starter = try await ChildProcess.start(
            "bash", ["-c", "prlimit \(line) & wait"], output: root.directory.path(of: "output"))
        try await waitUntil("it runs") { try processes(with: mark) > 0 }
        await starter.kill9()
        try await waitUntil("it has ended") { try processes(with: mark) == 0 }
    }

    /// Sleeping ones, whoever their parent is.
    private func processes(with argument: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard Int(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else { return false }
            return line.split(separator: 0).elementsEqual([Data("/usr/bin/sleep".utf8), Data(argument.utf8)])
        }.count
    }
}
