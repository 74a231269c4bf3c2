import HostalAPI
import HostalConfiguration
import HostalDatabase
import HostalLibvirt
import HostalProvisioning

/// The API with a pool of its own, so that customers' requests and a worker's statements never wait for each other.
struct APIRun: Sendable {
    /// Connections to PostgreSQL at most.
    static let connections = 16
    /// Old idempotency keys are forgotten this often.
    static let sweepPause = Duration.seconds(60)

    let settings: HostSettings
    let section: APISection
    let log: Log
    /// Beside this host's worker: its guests' consoles are at hand.
    let isOnHost: Bool

    init(_ settings: HostSettings, _ section: APISection, log: Log, isOnHost: Bool) {
        self.isOnHost = isOnHost
        self.settings = settings
        self.section = section
        self.log = log
    }

    /// Serves until the task is cancelled. False when it could not; why is in the log.
    @discardableResult
    func run() async -> Bool {
        let database = Database(Assembly.databaseSettings(settings, connections: Self.connections))
        let log = log
        let certificate = section.certificate.flatMap { chain in section.key.map { ServerCertificate(chain: chain, key: $0) } }
        let service = APIService(
            database: database,
            settings: APISettings(
                address: section.address, port: section.port, requestsPerHour: section.requestsPerHour,
                currency: section.currency,
                certificate: certificate),
            steps: steps,
            consoles: LibvirtConsoles(
                own: isOnHost ? ConsoleHost(name: settings.host, libvirtURI: settings.libvirt) : nil),
            report: { log.line($0) })
        let sweeping = Task {
            while !Task.isCancelled {
                do { try await IdempotencyStore.sweep(database) } catch {
                    log.line("cannot forget old idempotency keys: \(error)")
                }
                // A cancellation, its only error, ends the loop.
                try? await Task.sleep(for: Self.sweepPause)
            }
        }
        defer { sweeping.cancel() }
        let address = section.address
        do {
            try await APIServer(service).run { port in log.line("api is ready on \(address) port \(port)") }
            await database.close()
            return true
        } catch {
            log.line("the api cannot serve on \(address) port \(section.port): \(error)")
            await database.close()
            return false
        }
    }

    /// What each workflow does, in words, for dry runs.
    private var steps: [String: [String]] {
        Dictionary(uniqueKeysWithValues: Workflow.all().map { ($0.name.text, $0.steps.map(\.title)) })
    }
}
