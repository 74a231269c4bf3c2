import ArgumentParser
import FoundationEssentials
import HostalDatabase

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Who owns servers.", subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an account, if it is not there.",
            discussion:
                "Billing systems make accounts with their first order. Give their name as the source to make one beforehand.")

        @Argument(help: "Your reference of the customer, 1 to 200 characters.") var reference: String
        @Option(help: "Whose reference it is.") var source = "hostalctl"
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard (1...200).contains(reference.count) else {
                throw ValidationError("the reference must have 1 to 200 characters")
            }
            guard source.wholeMatch(of: /[a-z0-9][a-z0-9_-]{0,62}/) != nil else {
                throw ValidationError("the source must be 1 to 63 lower-case letters, digits, hyphens and underscores")
            }
        }

        func run() async throws {
            let id = try await database.use { try await AccountStore(database: $0).put(source: source, reference: reference) }
            print("account \(id): \(reference) of \(source)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists accounts with how many servers they have.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let accounts = try await database.use { try await AccountStore(database: $0).list() }
            let rows = accounts.map {
                ["\($0.id)", $0.source, $0.reference, "\($0.servers)", $0.createdAt.formatted(.iso8601)]
            }
            print(Table(header: ["ID", "SOURCE", "REFERENCE", "SERVERS", "CREATED"], rows: rows).text)
        }
    }
}
