import ArgumentParser
import HostalConfiguration
import HostalDatabase

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to this release's tables.",
        discussion:
            "Safe to run at any time, and by several machines at once: each change happens once, in a transaction of its own.")

    @OptionGroup var settings: SettingsOption

    func run() async throws {
        let settings = try HostSettings(Document(file: settings.config))
        let database = Database(Assembly.databaseSettings(settings, connections: 1))
        let applied = try await Migrator(database).migrate()
        print(applied.isEmpty ? "the database is up to date" : applied.map { "applied \($0)" }.joined(separator: "\n"))
        await database.close()
    }
}
