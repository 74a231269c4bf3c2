import ArgumentParser
import HostalDatabase
import HostalModel
import HostalStorage

struct PoolCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pool", abstract: "Disk pools, and which hosts reach them.",
        subcommands: [Add.self, List.self, Drain.self, Accept.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a pool, or gives it other settings and sizes.",
            discussion: """
                docs/storage.md lists the settings of each kind. Secrets are never among them: they are in files on \
                the hosts, which settings name.
                """)

        @Argument(help: "The pool's name.") var name: String
        @Option(help: "local, nfs, iscsi or rbd; a pool keeps its kind.") var kind: PoolKind
        @Option(name: .customLong("class"), help: "The storage class that plans ask for.") var storageClass: String = Plan
            .defaultStorage
        @Option(help: "What there is, in GiB.") var capacityGib: Int
        @Option(help: "How many times over it may be sold, 1 to 100.") var overCommit: Double = 1
        @Option(name: .customLong("host"), help: "A host that reaches it. Repeat it for more.") var hosts: [String] = []
        @Option(name: .customLong("set"), help: "A setting of the kind, as NAME=VALUE. Repeat it for more.") var settings:
            [String] = []
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let pool = Pool(
                name: PoolName(name), kind: kind, storageClass: storageClass, settings: try SettingsText.json(settings))
            do { try PoolKindSettings.validate(pool) } catch let error as PoolSettingsError {
                throw ValidationError("pool '\(name)': \(error)")
            }
            try await database.use {
                try await PoolCatalog(database: $0).put(
                    pool, capacity: Gibibytes(capacityGib), overCommit: overCommit, hosts: hosts)
            }
            print("pool \(name): \(kind.rawValue), class \(storageClass), \(capacityGib) GiB")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists pools with what is sold and who reaches them.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let pools = try await database.use { try await PoolCatalog(database: $0).list() }
            let rows = pools.map { row in
                [
                    row.pool.name.text, row.pool.kind.rawValue, row.pool.storageClass, row.state,
                    "\(row.used.count)/\(row.sellable)",
                    row.hosts.isEmpty ? "-" : row.hosts.joined(separator: ","),
                ]
            }
            print(Table(header: ["NAME", "KIND", "CLASS", "STATE", "SOLD", "HOSTS"], rows: rows).text)
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Has new servers placed elsewhere; disks stay.")
        @Argument(help: "The pool's name.") var name: String
        @OptionGroup var database: DatabaseOption
        func run() async throws { try await PoolCommand.set(name, accepting: false, database) }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Has new servers placed here again.")
        @Argument(help: "The pool's name.") var name: String
        @OptionGroup var database: DatabaseOption
        func run() async throws { try await PoolCommand.set(name, accepting: true, database) }
    }

    private static func set(_ name: String, accepting: Bool, _ database: DatabaseOption) async throws {
        let found = try await database.use { try await PoolCatalog(database: $0).setAccepting(accepting, PoolName(name)) }
        guard found else { throw ValidationError("there is no pool '\(name)'") }
        print("pool \(name): \(accepting ? "accepting" : "draining")")
    }
}

extension PoolKind: ExpressibleByArgument {}
