import ArgumentParser
import HostalClient

struct ContextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "context", abstract: "Contexts: addresses with their tokens.",
        subcommands: [Create.self, Use.self, List.self, Active.self, Delete.self])

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create", abstract: "Keeps an address and a token under a name.",
            usage: "hostal context create <name> [<options>]",
            discussion: """
                The token is read from the terminal, or from standard input:

                  hostal context create work --endpoint https://api.example.net
                  pass hostal | hostal context create work --endpoint …
                """)
        @Argument(help: "What to call it: letters, digits, - and _.") var name: String
        @Flag(help: "Take the place of a context of that name.") var replace = false
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() throws {
            guard Config.isName(name) else {
                throw CommandError(
                    .usage, "cannot create the context '\(name)': a name has 1 to 63 letters, digits, - and _".printable)
            }
            guard let address = connection.endpoint ?? Terminal.environment("HOSTAL_ENDPOINT") else {
                throw CommandError(.usage, "cannot create the context '\(name)': use --endpoint to say where the API is")
            }
            let endpoint = try ConnectionOptions.endpoint(address)
            let caFile = try connection.authorities
            let file = try connection.file
            guard try replace || file.read().context(name) == nil else {
                throw CommandError(.conflict, "cannot create the context '\(name)': it is there already; use --replace")
            }
            let token = try SecretInput.read(prompt: "Token for \(endpoint.root): ")
            var config = try file.read()
            config.contexts.removeAll { $0.name == name }
            config.contexts.append(Config.Context(name: name, endpoint: endpoint.root, token: token, caFile: caFile))
            config.active = name
            try file.write(config)
            Terminal.note("context \(name) is in use")
        }
    }

    struct Use: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "use", abstract: "Makes a context the one in use.", usage: "hostal context use <name> [<options>]")
        @Argument(help: "The context's name.", completion: .custom { _, _, _ in LiveNames.contexts() }) var name: String
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() throws {
            let file = try connection.file
            var config = try file.read()
            try require(name, in: config, to: "use")
            config.active = name
            try file.write(config)
            Terminal.note("context \(name) is in use")
            if Terminal.environment("HOSTAL_TOKEN") != nil { Terminal.note("HOSTAL_TOKEN is set, and wins over its token") }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the contexts. Tokens are not shown.", usage: "hostal context list [<options>]")
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() throws {
            let config = try connection.file.read()
            let active = connection.chosenName(in: config)
            let rows = config.contexts.map { [$0.name == active ? "*" : "", $0.name, $0.endpoint] }
            if let text = Table(header: ["ACTIVE", "NAME", "ENDPOINT"], rows: rows).text { Terminal.result(text) }
        }
    }

    struct Active: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "active", abstract: "Prints the name of the context in use.", usage: "hostal context active [<options>]")
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() throws {
            guard let name = connection.chosenName(in: try connection.file.read()) else {
                throw CommandError(.notFound, "cannot name a context: none is in use")
            }
            Terminal.result(name.printable)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Forgets a context and its token.",
            usage: "hostal context delete <name> [<options>]",
            discussion: "The token itself stays valid until your provider revokes it.")
        @Argument(help: "The context's name.", completion: .custom { _, _, _ in LiveNames.contexts() }) var name: String
        @OptionGroup(title: "Connection") var connection: ConnectionOptions

        func run() throws {
            let file = try connection.file
            var config = try file.read()
            try require(name, in: config, to: "delete")
            config.contexts.removeAll { $0.name == name }
            if config.active == name { config.active = nil }
            try file.write(config)
            Terminal.note("context \(name) is deleted")
        }
    }
}

private func require(_ name: String, in config: Config, to verb: String) throws {
    guard config.context(name) == nil else { return }
    throw CommandError(.notFound, "cannot \(verb) the context '\(name)': there is none of that name".printable)
}
