import ArgumentParser
import HostalConfiguration
import Synchronization

struct ServeAPI: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Serves the customers' API, without a worker, until it is told to stop (SIGTERM or SIGINT).",
        discussion: """
            Needs the database only, and may run on several machines at once. 'hostald serve' does the same beside its worker when 'api' \
            is set. Run 'hostald migrate' first. TLS is a reverse proxy's.
            """)

    @OptionGroup var settings: SettingsOption

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        guard let section = settings.api else {
            throw ValidationError("the settings have no 'api': write 'api: {}' for its defaults (docs/settings.md)")
        }
        let log = Log()
        let api = APIRun(settings, section, log: log, isOnHost: false)
        let hasServed = Mutex(true)
        await StopSignals.run {
            let served = await api.run()
            hasServed.withLock { $0 = served }
        }
        guard hasServed.withLock({ $0 }) else { throw ExitCode(1) }
        log.line("stopped")
    }
}
