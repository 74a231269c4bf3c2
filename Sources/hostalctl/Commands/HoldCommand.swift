import ArgumentParser
import FoundationEssentials
import HostalDatabase
import HostalModel

extension HoldReason: ExpressibleByArgument {}

struct HoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Servers that may not be used, and why.", subcommands: [Add.self, Lift.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a server on hold: it is powered off, and its customer cannot use it.",
            discussion: "Repeated, it changes nothing. The customer sees the reason and since when, not the note.")
        @Argument(help: "The server's number.") var server: Int64
        @Option(help: "Why.") var reason: HoldReason
        @Option(help: "For operators, at most 500 characters.") var note = ""
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await change(database, server, "on hold (\(reason.rawValue))") {
                try await $0.add(reason, to: server, note: note, by: currentOperator())
            }
        }
    }

    struct Lift: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lifts a hold. With the last one the server gets the power back that it had.",
            discussion: "Holds of other reasons stay. Repeated, it changes nothing.")
        @Argument(help: "The server's number.") var server: Int64
        @Option(help: "Which hold.") var reason: HoldReason
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            try await change(database, server, "not on hold (\(reason.rawValue)) any more") {
                try await $0.lift(reason, from: server, by: currentOperator())
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists holds, the oldest first.")
        @Option(help: "Of this server only.") var server: Int64?
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let holds = try await database.use { try await HoldStore($0).list(server: server) }
            let rows = holds.map {
                ["\($0.server)", $0.serverName, "\($0.account)", $0.reason, $0.since.formatted(.iso8601), $0.placedBy, $0.note]
            }
            print(Table(header: ["SERVER", "NAME", "ACCOUNT", "REASON", "SINCE", "BY", "NOTE"], rows: rows).text)
        }
    }

    /// Who asks, as the machine knows them: for other operators to read, not a proof.
    private static func currentOperator() -> String {
        let environment = ProcessInfo.processInfo.environment
        return environment["SUDO_USER"] ?? environment["USER"] ?? "hostalctl"
    }

    private static func change(
        _ option: DatabaseOption, _ server: Int64, _ outcome: String, _ body: (HoldStore) async throws -> Int64
    ) async throws {
        do {
            let order = try await option.use { database in
                let id = try await body(HoldStore(database))
                return try await OrderReader(database: database).order(OrderID(id))
            }
            print("server \(server) is \(outcome)")
            guard let order, !order.isOver else { return }
            print("order \(order.id) sees to its power: 'hostalctl order watch \(order.id)' shows how it goes")
        } catch let error as PostgresError where error.sqlState.hasPrefix("HO") {
            throw ValidationError(error.message)
        }
    }
}
