import ArgumentParser
import Glibc
import HostalClient

struct ServerSSH: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh", abstract: "Logs in to a server, whose host keys are known beforehand.",
        usage: "hostal server ssh <server> [<options>] [-- <command> ...]",
        discussion: """
            The server told its host keys over a channel that no network has touched,
            so ssh asks nothing, and refuses everybody else.

              hostal server ssh web-1
              hostal server ssh web-1 -- uptime
            """)
    @OptionGroup var argument: ServerArgument
    @Option(name: [.customShort("u"), .long], help: "Who to log in as.") var user = "root"
    @Option(name: [.customShort("p"), .long], help: "The port.") var port: UInt16 = 22
    @Flag(name: [.customShort("6"), .customLong("ipv6")], help: "Over IPv6.") var ipv6 = false
    @Option(
        name: [.customShort("i"), .long], help: ArgumentHelp("The private key, as for ssh -i.", valueName: "file"),
        completion: .file())
    var identity: String?
    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @Argument(parsing: .postTerminator, help: "What to run there instead of a shell.") var command: [String] = []

    func validate() throws {
        guard !user.isEmpty, !user.hasPrefix("-"), user.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ValidationError("--user must be a user's name")
        }
    }

    func run() throws {
        let server = try connection.open().server(argument.server, to: "log in to")
        let task = "log in to server \(server.name)"
        let addresses = ServerAddresses(server)
        guard let address = ipv6 ? addresses.ipv6 : addresses.ipv4 ?? addresses.ipv6, !address.hasPrefix("-") else {
            throw CommandError(.notFound, "cannot \(task): it has no \(ipv6 ? "IPv6 " : "")address".printable)
        }
        let keys = server["host_keys"].elements.compactMap(\.string)
        guard !keys.isEmpty else {
            throw CommandError(
                .other, "cannot \(task): its host keys are not known, so nobody could tell it from another".printable,
                details: ["they are known once its system has started and reported; hostal server describe shows them"])
        }
        let alias = "hostal-server-\(server["id"].int ?? 0)"
        let file = try KnownHosts.write(keys, alias: alias)
        var words = [
            "ssh", "-o", "UserKnownHostsFile=\"\(file)\"", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "HostKeyAlias=\(alias)",
            "-o",
            "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no", "-o", "CheckHostIP=no", "-l", user, "-p", String(port),
        ]
        if let identity { words += ["-i", identity] }
        words += ["--", address] + command
        let pointers = words.map { strdup($0) } + [nil]
        execvp("ssh", pointers)
        throw CommandError(.other, "cannot \(task): ssh cannot be started: \(String(cString: strerror(errno)))".printable)
    }
}
