import ArgumentParser
import HostalClient

/// What every reading command takes.
struct ReadOptions: ParsableArguments {
    @OptionGroup(title: "Output") var output: OutputOptions
    @OptionGroup(title: "Connection") var connection: ConnectionOptions

    /// Throws a `CommandError`.
    func showList(_ view: View, query: [APIRequest.Parameter] = []) throws {
        let client = try connection.open()
        try output.show(try doing("list \(view.resource.noun)s") { try client.list(view.resource, query: query) }, as: view)
    }

    /// Throws a `CommandError`.
    func showOne(_ view: View, _ name: String) throws {
        let client = try connection.open()
        try output.show(
            one: try doing("describe \(view.resource.noun) \(name)") { try client.find(view.resource, name) }, as: view)
    }
}

/// How lists are filtered and sorted by the API.
struct ListOptions: ParsableArguments {
    @Option(
        name: [.customShort("l"), .long], help: ArgumentHelp("Only those with these labels: env=prod,!old.", valueName: "labels"))
    var selector: String?
    @Option(help: ArgumentHelp("Such as name or created:desc.", valueName: "field"))
    var sort: [String] = []

    var query: [APIRequest.Parameter] {
        (selector.map { [APIRequest.Parameter("label_selector", $0)] } ?? []) + sort.map { .init("sort", $0) }
    }
}

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Plans: the sizes on sale.", subcommands: [List.self, Describe.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the plans.", usage: "hostal plan list [<options>]")
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.plan) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe", abstract: "Shows a plan.", usage: "hostal plan describe <plan> [<options>]")
        @Argument(help: "The plan's name or number.", completion: .names(of: .plan)) var plan: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.plan, plan) }
    }
}

struct LocationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "location", abstract: "Locations: where servers can be.", subcommands: [List.self, Describe.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the locations.", usage: "hostal location list [<options>]")
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.location) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe", abstract: "Shows a location.", usage: "hostal location describe <location> [<options>]")
        @Argument(help: "The location's name or number.", completion: .names(of: .location)) var location: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.location, location) }
    }
}

struct PrimaryIPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "primary-ip", abstract: "Primary IPs: the addresses of your servers.", subcommands: [List.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the addresses.", usage: "hostal primary-ip list [<options>]")
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.primaryIP, query: list.query) }
    }
}
