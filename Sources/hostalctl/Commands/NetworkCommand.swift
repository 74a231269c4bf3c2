import ArgumentParser
import HostalDatabase

struct NetworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "Networks: bridges and the addresses on them.",
        subcommands: [Add.self, AddRange.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a network to a host, or changes it.")
        @Argument(help: "The network's name.") var name: String
        @Option(help: "The bridge of each host that carries it; the host must have it.") var bridge: String
        @Option(help: "The host that carries it.") var host: String
        @Option(name: .customLong("name-server"), help: "A name server for guests; may be given up to 4 times.")
        var nameServers: [String] = []
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await database.use { database in
                let hosts = HostCatalog(database: database)
                guard let id = try await hosts.find(name: host) else {
                    throw ValidationError("there is no host '\(host)'")
                }
                try await hosts.putNetwork(name: name, bridge: bridge, nameServers: nameServers, on: id)
            }
            print("network \(name): bridge \(bridge) on host \(host)")
        }
    }

    struct AddRange: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add-range", abstract: "Adds addresses to a network.",
            discussion:
                "At most 65,536 addresses at once; those that are there already stay as they are. A server gets one IPv4 and one IPv6."
        )
        @Argument(help: "The network's name.") var network: String
        @Option(help: "The subnet, such as 203.0.113.0/24 or 2001:db8::/64.") var subnet: String
        @Option(help: "The gateway in it.") var gateway: String
        @Option(help: "The first address to give out.") var first: String
        @Option(help: "The last address to give out.") var last: String
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let count = try await database.use {
                try await HostCatalog(database: $0).addRange(
                    network: network, subnet: subnet, gateway: gateway, first: first, last: last)
            }
            print("network \(network): \(count) addresses added from \(subnet)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists networks: a line for each range of addresses, or one for a network without.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let networks = try await database.use { try await NetworkReader($0).list() }
            let rows = networks.flatMap { network -> [[String]] in
                let head = [network.name, network.bridge, network.hosts.joined(separator: ",")]
                guard !network.ranges.isEmpty else { return [head + ["-", "-", "-", "-", "-"]] }
                return network.ranges.map {
                    head + [$0.subnet, $0.gateway, "\($0.free)", "\($0.assigned)", "\($0.quarantined)"]
                }
            }
            print(
                Table(
                    header: ["NAME", "BRIDGE", "HOSTS", "SUBNET", "GATEWAY", "FREE", "ASSIGNED", "QUARANTINED"], rows: rows
                ).text)
        }
    }
}
