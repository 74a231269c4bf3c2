import ArgumentParser
import HostalDatabase

/// The operators' command.
@main
struct Hostalctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hostalctl",
        abstract: "Looks after hosts, networks, images, orders, holds, accounts and their tokens.",
        subcommands: [
            HostCommand.self, PoolCommand.self, DiskCommand.self, NetworkCommand.self, ImageCommand.self, OrderCommand.self,
            AccountCommand.self, TokenCommand.self, LocationCommand.self, HoldCommand.self,
        ])
}

/// How every command reaches the database.
struct DatabaseOption: ParsableArguments {
    @Option(help: "libpq connection string; without it the PG* environment variables count.")
    var database = ""

    /// Closes the connections whatever happens.
    func use<T: Sendable>(_ body: (Database) async throws -> T) async throws -> T {
        let database = Database(
            DatabaseSettings(
                connection: database, applicationName: "hostalctl", maximumConnections: 2, connectTimeout: .seconds(5),
                statementTimeout: .seconds(30)))
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }
}
