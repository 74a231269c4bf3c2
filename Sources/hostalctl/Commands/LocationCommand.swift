import ArgumentParser
import HostalDatabase

struct LocationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "location", abstract: "Where hosts stand, as customers see it.", subcommands: [List.self, Set.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists locations.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let locations = try await database.use { try await LocationStore($0).list() }
            let rows = locations.map { ["\($0.id)", $0.name, $0.country, $0.city, $0.networkZone, $0.description] }
            print(Table(header: ["ID", "NAME", "COUNTRY", "CITY", "ZONE", "DESCRIPTION"], rows: rows).text)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Describes a location anew.",
            discussion: "What is left out stays. The first one is called 'default' until you rename it.")

        @Argument(help: "Its present name.") var name: String
        @Option(help: "Its new name: lower-case letters, digits and hyphens.") var rename: String?
        @Option(help: "For customers.") var description: String?
        @Option(help: "ISO 3166-1 alpha-2, such as DE.") var country: String?
        @Option var city: String?
        @Option(help: "Which network it belongs to.") var networkZone: String?
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let isThere: Bool
            do {
                isThere = try await database.use {
                    try await LocationStore($0).set(
                        name: name, newName: rename, description: description, country: country, city: city,
                        networkZone: networkZone)
                }
            } catch let error as PostgresError where error.sqlState == "23514" {
                throw ValidationError("a name takes lower-case letters, digits and hyphens, a country two capital letters")
            } catch let error as PostgresError where error.sqlState == "23505" {
                throw ValidationError("there is a location '\(rename ?? name)' already")
            }
            guard isThere else { throw ValidationError("there is no location '\(name)': see 'hostalctl location list'") }
            print("location \(rename ?? name) is described")
        }
    }
}
