import ArgumentParser
import HostalConfiguration
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalStorage

struct Initialise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Makes a new host's directories and marks its disk pool.",
        discussion: """
            Once for each host, with the pool's storage mounted. A worker starts only where the mark is, so that an unmounted pool is never \
            taken for an empty one. Run again it changes nothing; a pool of another host is refused.
            """)

    @OptionGroup var settings: SettingsOption
    @Option(help: "Marks this pool's storage instead, once for all its hosts. The database must know the pool and this host.")
    var pool: String?
    @Flag(
        help:
            "Marks the library of images at 'image_library' instead, once for all hosts that share it, with its storage mounted.")
    var library = false

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        guard pool == nil || !library else { throw ValidationError("give --pool or --library, not both") }
        if let pool { return try await mark(PoolName(pool), settings) }
        if library {
            try Assembly.initialiseLibrary(settings)
            return print("\(settings.imageLibrary) is marked as the library of images")
        }
        try Assembly.initialise(settings)
        print("\(settings.stateDirectory) is ready for host '\(settings.host)'")
    }

    private func mark(_ name: PoolName, _ settings: HostSettings) async throws {
        let database = Database(Assembly.databaseSettings(settings, connections: 1))
        guard let host = try await HostCatalog(database: database).find(name: settings.host),
            let pool = try await PoolCatalog(database: database).pools(of: host).first(where: { $0.name == name })
        else { throw ValidationError("host '\(settings.host)' reaches no pool '\(name)': see 'hostalctl pool list'") }
        await database.close()
        guard let store = try PoolFactory(settings: settings).store(of: pool) as? any MarkedPool else {
            throw ValidationError("pools of kind \(pool.kind.rawValue) need no mark")
        }
        do { try await store.mark() } catch let failure as Failure {
            throw ValidationError("\(failure.message)\(failure.detail.map { ": \($0)" } ?? "")")
        }
        print("pool \(name) is marked")
    }
}
