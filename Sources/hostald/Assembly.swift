import FoundationEssentials
import HostalConfiguration
import HostalDatabase
import HostalLibvirt
import HostalModel
import HostalNetwork
import HostalProvisioning
import HostalSeed
import HostalStorage
import HostalSystem

/// Where adapters meet: settings become a worker with everything in its place.
enum Assembly {
    /// Below the state directory.
    struct Places {
        var images, volumes, seeds, reports: String
        init(_ state: String) {
            images = "\(state)/images"
            volumes = "\(state)/volumes"
            seeds = "\(state)/seeds"
            reports = "\(state)/reports"
        }
    }

    static let connectTimeout = Duration.seconds(5)
    static let statementTimeout = Duration.seconds(30)

    static func databaseSettings(_ settings: HostSettings, connections: Int) -> DatabaseSettings {
        DatabaseSettings(
            connection: settings.database, applicationName: "hostald \(settings.host)", maximumConnections: connections,
            connectTimeout: connectTimeout, statementTimeout: statementTimeout)
    }

    static func engineSettings(_ settings: HostSettings) -> EngineSettings {
        var engine = EngineSettings()
        engine.lease = .seconds(settings.lease)
        engine.poll = .seconds(settings.poll)
        engine.concurrency = settings.concurrency
        engine.backOff = .seconds(settings.backOff)
        engine.backOffLimit = .seconds(settings.backOffLimit)
        engine.attempts = settings.attempts
        engine.undoDeadline = .seconds(settings.undoDeadline)
        engine.addressQuarantine = .seconds(settings.addressQuarantine)
        engine.keepWindow = .seconds(settings.keepWindow)
        return engine
    }

    static func manageSettings(_ settings: HostSettings) -> ManageSettings {
        var manage = ManageSettings()
        manage.patience = .seconds(settings.rebootPatience)
        manage.shutdownDeadline = .seconds(settings.shutdownDeadline)
        manage.agentPatience = .seconds(settings.agentPatience)
        manage.deadline = .seconds(settings.reinstallDeadline)
        manage.copyDeadline = .seconds(settings.copyDeadline)
        manage.flattenSpeed = settings.flattenSpeed
        manage.deletedKeepWindow = .seconds(settings.deletedKeepWindow)
        return manage
    }

    static func directory(_ path: String) throws -> Directory {
        guard let directory = Directory(path) else { throw Unusable(reason: "'\(path)' cannot be used as a directory") }
        return directory
    }

    /// Of the host's own disks, where its settings put them.
    static func pool(_ settings: HostSettings) throws -> PoolDirectory {
        PoolDirectory(try directory(Places(settings.stateDirectory).volumes), id: "local-\(settings.host)")
    }

    /// Makes a new host's directories and marks its pool. Never at a start: an unmounted pool would be taken for a new one.
    static func initialise(_ settings: HostSettings) throws {
        // Guests' QEMU processes pass through these without listing them.
        for path in [settings.stateDirectory, Places(settings.stateDirectory).images] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        }
        try pool(settings).initialise()
        if settings.hasOwnLibrary { try initialiseLibrary(settings) }
    }

    static func initialiseLibrary(_ settings: HostSettings) throws {
        try MadeImageFiles.initialise(try directory(settings.imageLibrary))
    }

    /// The adapters over a host that was initialised. Throws when its pool is not there, or KVM is asked for and does not work.
    static func worker(
        _ settings: HostSettings, database: Database, host: HostID, log: Log
    ) async throws -> (worker: Worker, rounds: [Round]) {
        let accelerator = await accelerator(settings)
        log.line(accelerator.sentence)
        guard let accelerator = accelerator.accelerator else { throw Unusable(reason: accelerator.sentence) }
        let places = Places(settings.stateDirectory)
        let pool = try pool(settings)
        do { try pool.verify() } catch {
            throw Unusable(
                reason:
                    "\(places.volumes) is not this host's disk pool: mount it, or run 'hostald init' once on a new host (\(error))"
            )
        }
        let network = BridgedNetwork()
        try await network.prepare()
        let engine = engineSettings(settings)
        let hypervisor = LibvirtHypervisor(
            HypervisorSettings(
                uri: settings.libvirt, accelerator: accelerator, reportDirectory: places.reports, liveGrowth: settings.liveGrowth,
                memoryGrowthFrom: settings.memoryGrowthFrom.map { Mebibytes($0) } ?? HypervisorSettings.memoryGrowthFromDefault))
        let pools = pools(settings, database: database, host: host)
        let ports = Host(
            id: host, hypervisor: hypervisor, pools: pools,
            images: ImageLibrary(directory: try directory(places.images)),
            madeImages: MadeImageFiles(library: try directory(settings.imageLibrary), sandbox: settings.toolSandbox),
            seeds: SeedDirectory(path: places.seeds, templates: try SeedTemplates.load(from: settings.cloudInit)),
            network: network, capacity: CapacityStore(database: database),
            addresses: AddressStore(database: database, quarantine: engine.addressQuarantine))
        let workflows = Workflow.all(createDeadline: .seconds(settings.createDeadline), manageSettings(settings))
            .map(FaultInjection.blanking)
        let owner = "\(settings.host)/\(ProcessInfo.processInfo.processIdentifier)"
        let journal = JobStore(database: database, host: host, owner: owner, settings: engine)
        // Leases are renewed on a connection that nothing else can keep busy.
        let heartbeat = JobStore(
            database: Database(databaseSettings(settings, connections: 1)), host: host, owner: owner, settings: engine)
        let worker = Worker(
            journal: journal, heartbeat: heartbeat,
            runner: JobRunner(
                host: ports, journal: journal, fence: try FenceDirectory(path: "\(settings.runDirectory)/fences"),
                settings: engine,
                workflows: workflows, probe: FaultInjection.probe()),
            settings: engine, report: { log.line($0) })
        return (worker, rounds(settings, database: database, ports: ports, pools: pools, log: log))
    }

    private static func pools(_ settings: HostSettings, database: Database, host: HostID) -> PoolRegistry {
        let catalog = PoolCatalog(database: database)
        let factory = PoolFactory(settings: settings)
        return PoolRegistry(list: { try await catalog.pools(of: host) }, make: { try factory.store(of: $0) })
    }

    /// KVM is probed only where it may be used: the probe of a KVM that does not work takes half a second.
    private static func accelerator(_ settings: HostSettings) async -> (accelerator: Accelerator?, sentence: String) {
        guard settings.accelerator != .tcg else {
            return AcceleratorProbe(guest: .notProbed("not asked for"), hasExtensions: false).resolve(.tcg)
        }
        return await AcceleratorProbe.run().resolve(settings.accelerator)
    }

    private static func rounds(
        _ settings: HostSettings, database: Database, ports: Host, pools: PoolRegistry, log: Log
    ) -> [Round] {
        let power = PowerStore(database: database)
        let purges = PurgeStore(database: database)
        let disks = DiskOrders(database: database)
        let removal = ImageRemoval(host: ports, ledger: RetiredImages(database: database), report: { log.line($0) })
        return [
            Round(name: "record which guests have power", every: .seconds(settings.powerInterval), log: log) {
                let asked = try await power.now()
                _ = try await power.record(try await ports.hypervisor.activeGuests(), on: ports.id, since: asked)
            },
            Round(name: "order the end of kept disks", every: .seconds(settings.purgeInterval), log: log) {
                _ = try await purges.place(most: Round.purgesAtOnce)
            },
            Round(name: "order the flattening of disks", every: .seconds(settings.purgeInterval), log: log) {
                _ = try await disks.placeFlattens(most: Round.flattensAtOnce)
            },
            Round(name: "remove images that nobody needs", every: .seconds(settings.purgeInterval), log: log) {
                try await removal.run()
            },
            Round(name: "reach disks that storage servers have forgotten", every: Round.restoreInterval, log: log) {
                try await pools.restore()
            },
        ]
    }
}

/// This host cannot run a worker as it is set up.
struct Unusable: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
