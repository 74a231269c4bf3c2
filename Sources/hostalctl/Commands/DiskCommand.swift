import ArgumentParser
import FoundationEssentials
import HostalDatabase
import HostalModel

struct DiskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disk", abstract: "Disks: those kept before they are purged, and those that need an image.",
        subcommands: [List.self, Purge.self, Flatten.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists kept disks; those whose time is over soonest come first.")
        @Option(help: "How many to show at most.") var limit = 100
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
            let disks = try await database.use { try await KeptDisks(database: $0).list(most: limit) }
            let rows = disks.map {
                [
                    "\($0.server)", $0.serverName, "\($0.generation)", $0.pool, "\($0.size)", $0.state,
                    "\($0.until.formatted(.iso8601))",
                ]
            }
            print(Table(header: ["SERVER", "NAME", "DISK", "POOL", "SIZE", "STATE", "UNTIL"], rows: rows).text)
        }
    }

    struct Purge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Has a server's kept disks purged now. There is no way back, and no undo after it.")
        @Argument(help: "The server's number.") var server: Int
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let count = try await database.use { try await KeptDisks(database: $0).endNow(of: ServerID(Int64(server))) }
            guard count > 0 else { throw ValidationError("server \(server) has no kept disk") }
            print("server \(server): \(count) \(count == 1 ? "disk" : "disks") to be purged")
        }
    }

    struct Flatten: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Orders that a server's disk be made independent of its image.",
            discussion: """
                A server goes on meanwhile whose pool is in Ceph or has cloning=flattened; elsewhere it must be off. The order gives \
                way to every other order of the server: it is cancelled then, and can be placed again. What is copied already is not \
                copied again.
                """)
        @Argument(help: "The server's number.") var server: Int
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let order = try await database.use { try await DiskOrders(database: $0).flatten(ServerID(Int64(server))) }
            print("order \(order): flattening the disk of server \(server); 'hostalctl order show \(order)' tells how far it is")
        }
    }
}
