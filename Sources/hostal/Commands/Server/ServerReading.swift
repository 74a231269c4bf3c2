import ArgumentParser
import HostalClient

struct ServerList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists your servers.", usage: "hostal server list [<options>]",
        discussion: """
              hostal server list -l env=prod
              hostal server list -o noheader -o columns=name,ipv4
              hostal server list -o json | jq -r '.[].name'
            """)

    @Option(help: "Only those of this status, such as running or off.") var status: [String] = []
    @OptionGroup var list: ListOptions
    @OptionGroup var options: ReadOptions

    func run() throws { try options.showList(.server, query: list.query + status.map { .init("status", $0) }) }
}

struct ServerDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Shows a server.", usage: "hostal server describe <server> [<options>]")
    @OptionGroup var argument: ServerArgument
    @OptionGroup var options: ReadOptions

    func run() throws { try options.showOne(.server, argument.server) }
}

struct ServerIP: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ip", abstract: "Prints a server's address.", usage: "hostal server ip <server> [<options>]",
        discussion: "  ping \"$(hostal server ip web-1)\"")
    @OptionGroup var argument: ServerArgument
    @Flag(name: [.customShort("6"), .customLong("ipv6")], help: "The IPv6 address instead of the IPv4 one.") var ipv6 = false
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    func run() throws {
        let server = try connection.open().server(argument.server, to: "print the address of")
        let addresses = ServerAddresses(server)
        guard let address = ipv6 ? addresses.ipv6 : addresses.ipv4 else {
            throw CommandError(
                .notFound,
                "cannot print the address of server \(server.name): it has no \(ipv6 ? "IPv6" : "IPv4") address".printable)
        }
        Terminal.result(address.printable)
    }
}
