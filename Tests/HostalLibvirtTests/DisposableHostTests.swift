import FoundationEssentials
import HostalSystem
import HostalTestKit
import Testing

/// What the other tests stand on.
@Suite(.serialized) struct DisposableHostTests {
    @Test func aHostHasANetworkAndProcessesOfItsOwnAndGoesDownTwice() async throws {
        let host = try await DisposableHost.up(name: "kit", bridge: "br9", addresses: ["198.51.100.1/24"])
        #expect(try await host.run("hostname") == "\(host.name)\n")
        #expect(try await host.run("ip", ["-br", "address", "show", "br9"]).contains("198.51.100.1/24"))
        #expect(try await host.run("cat", ["/proc/1/cmdline"]).contains("boot"))
        #expect(!FileManager.default.fileExists(atPath: "/sys/class/net/br9"))
        let (program, arguments) = host.commandInNetwork("ip", ["link", "show", "br9"])
        _ = try await Command(program, arguments).run()
        for _ in 1...2 { try await host.down() }
        #expect(!FileManager.default.fileExists(atPath: host.directory))
        await #expect(throws: CommandError.self) { try await host.run("true") }
    }

    @Test func aHostDiesWithTheProcessThatAskedForItEvenByKill() async throws {
        let scratch = Scratch()
        let name = "orphan-\(UUID().uuidString.prefix(8).lowercased())"
        let script = #"""
            mkfifo "$2/lifeline"
            exec 7<>"$2/lifeline"
            bash "$0" up "$1" "$2/host" --until-closed "$2/lifeline" 7>&-
            bash "$0" pid "$1" 7>&- >"$2/pid"
            kill -KILL $$
            """#
        await #expect(throws: CommandError.self) {
            try await Command("bash", ["-c", script, DisposableHost.script, name, scratch.path]).run()
        }
        let pid = try String(contentsOfFile: "\(scratch.path)/pid", encoding: .utf8).filter(\.isNumber)
        #expect(!pid.isEmpty)
        let left = ["/proc/\(pid)", "\(scratch.path)/host", "/run/disposable-hosts/\(name)"]
        let deadline = ContinuousClock.now + .seconds(20)
        while left.contains(where: FileManager.default.fileExists), ContinuousClock.now < deadline { await Task.yield() }
        for path in left { #expect(!FileManager.default.fileExists(atPath: path), "\(path) is still there") }
    }
}
