import ArgumentParser
import FoundationEssentials
import Glibc
import HostalDatabase

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens of the customers' and the operators' API.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token and prints it, this once: only its SHA-256 is kept.",
            discussion: "The token alone goes to standard output; what it is goes to standard error.")

        @Option(help: "The account's number.") var account: Int64?
        @Flag(name: .customLong("operator"), help: "For operators' routes, /v1/admin: no account's.") var isOperators = false
        @Option(help: "A name, unique in the account or among operators' tokens, 1 to 63 characters.") var name: String
        @Flag(help: "May only read.") var readOnly = false
        @Option(help: "Days until it ends, 1 to 3650; without this it does not.") var expiresInDays: Int64?
        @OptionGroup var database: DatabaseOption

        func validate() throws {
            guard (account == nil) == isOperators else { throw ValidationError("give either --account or --operator") }
            guard (1...63).contains(name.count) else { throw ValidationError("the name must have 1 to 63 characters") }
            guard expiresInDays.map({ (1...3_650).contains($0) }) ?? true else {
                throw ValidationError("1 to 3650 days are accepted")
            }
        }

        func run() async throws {
            let made: (id: Int64, token: String)
            let access: TokenAccess = readOnly ? .read : .readWrite
            let seconds = expiresInDays.map { $0 * 86_400 }
            let owner = account.map { "account \($0)" } ?? "the operators"
            do {
                made = try await database.use { database in
                    guard let account else {
                        return try await OperatorTokenStore(database).create(name: name, access: access, expiresIn: seconds)
                    }
                    return try await TokenStore(database: database).create(
                        account: account, name: name, access: access, expiresIn: seconds)
                }
            } catch let error as PostgresError where error.sqlState == "23503" {
                throw ValidationError("there is no \(owner): see 'hostalctl account list'")
            } catch let error as PostgresError where error.sqlState == "23505" {
                throw ValidationError("there is a token '\(name)' of \(owner): revoked ones keep their names")
            }
            let line = "token \(made.id) of \(owner), \(readOnly ? "read only" : "read and write"): it is not shown again\n"
            // On standard error, so that the token alone can be piped on. Nobody could be told if it failed.
            _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            print(made.token)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists tokens, without the tokens.")
        @Option(help: "Of this account only.") var account: Int64?
        @Flag(name: .customLong("operator"), help: "The operators' instead.") var isOperators = false
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            func day(_ date: Date?) -> String { date.map { $0.formatted(.iso8601) } ?? "-" }
            if isOperators {
                let rows = try await database.use { try await OperatorTokenStore($0).list() }.map { token in
                    [
                        "\(token.id)", token.name, token.access, day(token.createdAt), day(token.lastUsedAt),
                        day(token.expiresAt), day(token.revokedAt),
                    ]
                }
                return print(
                    Table(header: ["ID", "NAME", "ACCESS", "CREATED", "LAST USED", "EXPIRES", "REVOKED"], rows: rows).text)
            }
            let tokens = try await database.use { try await TokenStore(database: $0).list(account: account) }
            let rows = tokens.map { token in
                [
                    "\(token.id)", "\(token.account)", token.name, token.access, day(token.createdAt), day(token.lastUsedAt),
                    day(token.expiresAt), day(token.revokedAt),
                ]
            }
            print(
                Table(header: ["ID", "ACCOUNT", "NAME", "ACCESS", "CREATED", "LAST USED", "EXPIRES", "REVOKED"], rows: rows).text)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a token at once.")
        @Argument(help: "The token's number.") var id: Int64
        @Flag(name: .customLong("operator"), help: "One of the operators'.") var isOperators = false
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let isThere = try await database.use {
                try await isOperators ? OperatorTokenStore($0).revoke(id) : TokenStore(database: $0).revoke(id)
            }
            guard isThere else {
                throw ValidationError("there is no token \(id)")
            }
            print("token \(id) is revoked")
        }
    }
}
