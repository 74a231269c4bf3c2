import ArgumentParser
import HostalDatabase

struct LocationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "location", abstract: "Where hosts stand, as customers see it.",
        subcommands: [List.self, Add.self, Set.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists locations.")
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let locations = try await database.use { try await LocationStore($0).list() }
            let rows = locations.map { ["\($0.id)", $0.name, $0.country, $0.city, $0.networkZone, $0.description] }
            print(Table(header: ["ID", "NAME", "COUNTRY", "CITY", "ZONE", "DESCRIPTION"], rows: rows).text)
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a location that customers can choose.",
            discussion: "'hostalctl host add --location' puts hosts there.")

        @Argument(help: "Lower-case letters, digits and hyphens.") var name: String
        @Option(help: "For customers.") var description = ""
        @Option(help: "ISO 3166-1 alpha-2, such as DE.") var country = ""
        @Option var city = ""
        @Option(help: "Which network it belongs to.") var networkZone = "default"
        @OptionGroup var database: DatabaseOption

        func run() async throws {
            let id = try await explained(name) {
                try await database.use {
                    try await LocationStore($0).add(
                        name: name, description: description, country: country, city: city, networkZone: networkZone)
                }
            }
            print("location \(name) (\(id))")
        }
    }

    /// Says what is wrong with a name or country that the database refuses.
    private static func explained<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let error as PostgresError where error.sqlState == "23514" {
            throw ValidationError("a name takes lower-case letters, digits and hyphens, a country two capital letters")
        } catch let error as PostgresError where error.sqlState == "23505" {
            throw ValidationError("there is a location '\(name)' already")
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
            let isThere = try await explained(rename ?? name) {
                try await database.use {
                    try await LocationStore($0).set(
                        name: name, newName: rename, description: description, country: country, city: city,
                        networkZone: networkZone)
                }
            }
            guard isThere else { throw ValidationError("there is no location '\(name)': see 'hostalctl location list'") }
            print("location \(rename ?? name) is described")
        }
    }
}
