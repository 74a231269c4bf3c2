import FoundationEssentials
import Glibc
import HostalTestKit
import Testing

/// With `Fixtures/ssh-stand-in` in ssh's place, which tells what it was given.
@Suite struct SSHTests {
    private let directory = "/tmp/hostal-ssh-\(UUID().uuidString.lowercased())"

    private static let standIn = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/ssh-stand-in")
        .standardized
        .path()

    private func run(_ words: String..., at standIn: StandIn) async throws -> CommandRun {
        guard mkdir(directory, 0o755) == 0 else { throw TestKitError("cannot make \(directory)") }
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        var variables = Runs.environment(standIn)
        variables["PATH"] = "\(Self.standIn):/usr/bin:/bin"
        variables["XDG_CACHE_HOME"] = directory + "/cache"
        return try await CommandRun.run(Runs.program, words, environment: variables)
    }

    @Test func sshGetsTheKnownKeysAndAsksNothing() async throws {
        let standIn = try StandIn { $0.hostKeys = ["ssh-ed25519 AAAAC3Nz", "ecdsa-sha2-nistp256 AAAAE2Vj"] }
        let run = try await run("server", "ssh", "web-1", "-u", "debian", "-p", "2222", "--", "uname", "-a", at: standIn)
        #expect(run.exit == 42 && run.errors == "", "the command's own exit code")
        #expect(
            run.output == """
                -o
                UserKnownHostsFile="\(directory)/cache/hostal/known-hosts/hostal-server-17"
                -o
                GlobalKnownHostsFile=/dev/null
                -o
                HostKeyAlias=hostal-server-17
                -o
                StrictHostKeyChecking=yes
                -o
                UpdateHostKeys=no
                -o
                CheckHostIP=no
                -l
                debian
                -p
                2222
                --
                192.0.2.17
                uname
                -a
                hostal-server-17 ssh-ed25519 AAAAC3Nz
                hostal-server-17 ecdsa-sha2-nistp256 AAAAE2Vj

                """)
    }

    @Test func aServerWithoutKnownKeysIsNotEntered() async throws {
        let run = try await run("server", "ssh", "web-1", at: StandIn())
        #expect(run.exit == 1 && run.output == "" && run.errors.contains("its host keys are not known"))
    }

    @Test(arguments: ["ssh-ed25519 AAAA\n* ssh-ed25519 BBBB", "ssh-ed25519", "@cert-authority * ssh-ed25519 AAAA"])
    func whatIsNoKeyIsNotWritten(_ key: String) async throws {
        let run = try await run("server", "ssh", "web-1", at: StandIn { $0.hostKeys = [key] })
        #expect(run.exit == 1 && run.output == "" && run.errors.contains("no public key"))
    }
}
