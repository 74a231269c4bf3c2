import ArgumentParser
import HostalDatabase
import HostalModel

struct HostCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "KVM hosts and what may be sold on them.", subcommands: [Add.self, List.self, Set.self])

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

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says where a host's libvirt is reached from elsewhere.",
            discussion: """
                For the consoles of its servers, when the API does not run on the host itself. The API's process must be able to log in
                there without being asked, such as by a key of its user's:

                  hostalctl host set kvm-1 --libvirt-uri qemu+ssh://root@kvm-1.example.net/system
                """)

        @Argument(help: "The host's name.") var name: String
        @Option(help: "libvirt's address of the host; an empty one forgets it.") var libvirtUri: String
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let isThere: Bool
            do {
                isThere = try await database.use {
                    try await HostCatalog(database: $0).setLibvirtURI(libvirtUri.isEmpty ? nil : libvirtUri, of: name)
                }
            } catch let error as PostgresError where error.sqlState == "23514" {
                throw ValidationError(
                    "'\(libvirtUri)' is no address of libvirt's, such as qemu+ssh://root@kvm-1.example.net/system")
            }
            guard isThere else { throw ValidationError("there is no host '\(name)': see 'hostalctl host list'") }
            print("host \(name): libvirt \(libvirtUri.isEmpty ? "is reached on the host only" : "at \(libvirtUri)")")
        }
    }
}
