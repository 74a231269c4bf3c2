import ArgumentParser
import HostalConfiguration
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs this host's worker until it is told to stop (SIGTERM or SIGINT).",
        discussion: """
            Migrates the database and applies the plans first. A job that is interrupted is given back and goes on where it was, here or \
            in another worker of this host.
            """)

    @OptionGroup var settings: SettingsOption

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        let plans = try PlanFile.loadAll(in: settings.plans)
        let log = Log()
        let database = Database(Assembly.databaseSettings(settings, connections: settings.concurrency + 4))
        for name in try await Migrator(database).migrate() { log.line("applied migration \(name)") }
        try await PlanCatalog(database: database).apply(plans)
        guard let host = try await HostCatalog(database: database).find(name: settings.host) else {
            throw ValidationError(
                "the database knows no host '\(settings.host)': add it with 'hostalctl host add \(settings.host) …', or mend 'host' in the settings"
            )
        }
        let (worker, rounds) = try await Assembly.worker(settings, database: database, host: host, log: log)
        let watchdog = Watchdog(every: .milliseconds(100)) { worker.overdue.map { "leases not renewed for \($0)" } }
        let hints = await database.listen("hostal_jobs")
        log.line("worker of host '\(settings.host)' is ready")
        let api = settings.api.map { APIRun(settings, $0, log: log, isOnHost: true) }
        await StopSignals.run {
            await withTaskGroup(of: Void.self) { group in
                for round in rounds { group.addTask { await round.run() } }
                // The worker goes on when its API cannot serve: guests matter more.
                if let api { group.addTask { await api.run() } }
                group.addTask { await worker.run(hints: hints) }
            }
        }
        watchdog.cancel()
        log.line("stopped")
        await database.close()
    }
}
