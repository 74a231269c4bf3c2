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
        return engine
    }

    private static func directory(_ path: String) throws -> Directory {
        guard let directory = Directory(path) else { throw Unusable(reason: "'\(path)' cannot be used as a directory") }
        return directory
    }

    /// Makes the directories that are missing and the adapters over them. Throws when KVM is asked for and does not work.
    static func worker(_ settings: HostSettings, database: Database, host: HostID, log: Log) async throws -> Worker {
        let accelerator = await AcceleratorProbe.run().resolve(settings.accelerator)
        log.line(accelerator.sentence)
        guard let accelerator = accelerator.accelerator else { throw Unusable(reason: accelerator.sentence) }
        let places = Places(settings.stateDirectory)
        // Guests' QEMU processes pass through these without listing them.
        for path in [settings.stateDirectory, places.images] {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        }
        let pool = PoolDirectory(try directory(places.volumes), id: "local-\(settings.host)")
        if !FileManager.default.fileExists(atPath: places.volumes) { try pool.initialise() }
        let network = BridgedNetwork()
        try await network.prepare()
        let engine = engineSettings(settings)
        let ports = Host(
            id: host,
            hypervisor: LibvirtHypervisor(
                HypervisorSettings(uri: settings.libvirt, accelerator: accelerator, reportDirectory: places.reports)),
            volumes: LocalVolumes(
                pool: pool, images: try directory(places.images), cloning: settings.fullCopies ? .fullCopy : .overlay),
            images: ImageLibrary(directory: try directory(places.images)),
            seeds: SeedDirectory(path: places.seeds, templates: try SeedTemplates.load(from: settings.cloudInit)),
            network: network, capacity: CapacityStore(database: database),
            addresses: AddressStore(database: database, quarantine: engine.addressQuarantine))
        let workflows = [
            Workflow.createServer(deadline: .seconds(settings.createDeadline)), .deleteServer(),
        ].map(FaultInjection.blanking)
        let owner = "\(settings.host)/\(ProcessInfo.processInfo.processIdentifier)"
        let journal = JobStore(database: database, host: host, owner: owner, settings: engine)
        // Leases are renewed on a connection that nothing else can keep busy.
        let heartbeat = JobStore(
            database: Database(databaseSettings(settings, connections: 1)), host: host, owner: owner, settings: engine)
        return Worker(
            journal: journal, heartbeat: heartbeat,
            runner: JobRunner(
                host: ports, journal: journal, fence: try FenceDirectory(path: "\(settings.runDirectory)/fences"),
                settings: engine,
                workflows: workflows, probe: FaultInjection.probe()),
            settings: engine, report: { log.line($0) })
    }
}

/// This host cannot run a worker as it is set up.
struct Unusable: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
