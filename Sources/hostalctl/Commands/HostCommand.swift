import ArgumentParser
import HostalDatabase
import HostalModel

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "KVM hosts and what may be sold on them.", subcommands: [Add.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a host, or gives it new totals.",
            discussion: "Totals are what may be sold: real sizes times the over-commitment that you choose.")

        @Argument(help: "The host's name, as 'host' in its hostald.yaml.") var name: String
        @Option(help: "vCPUs.") var vcpus: Int
        @Option(help: "Memory in MiB.") var memoryMib: Int
        @Option(help: "Disk in GiB.") var diskGib: Int
        @Option(help: "Where it stands; without this, the first location.") var location: String?
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let totals = HostTotals(vcpus: vcpus, memory: Mebibytes(memoryMib), disk: Gibibytes(diskGib))
            let id = try await database.use {
                try await HostCatalog(database: $0).put(name: name, totals: totals, location: location)
            }
            print("host \(name) (\(id)): \(vcpus) vCPUs, \(totals.memory), \(totals.disk)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists hosts with what is used and what is there.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let hosts = try await database.use { try await HostCatalog(database: $0).list() }
            let rows = hosts.map { host in
                [
                    host.name, host.state, host.location, "\(host.used.vcpus)/\(host.total.vcpus)",
                    "\(host.used.memory.count)/\(host.total.memory)", "\(host.used.disk.count)/\(host.total.disk)",
                ]
            }
            print(Table(header: ["NAME", "STATE", "LOCATION", "VCPUS", "MEMORY", "DISK"], rows: rows).text)
        }
    }
}
