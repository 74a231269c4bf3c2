import ArgumentParser
import HostalClient

/// What every reading command takes.
struct ReadOptions: ParsableArguments {
    @OptionGroup var output: OutputOptions
    @OptionGroup var connection: ConnectionOptions

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
        commandName: "plan", abstract: "Plans: the sizes on sale.", subcommands: [List.self, Describe.self],
        aliases: ["plans", "server-type"])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the plans.", aliases: ["ls"])
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.plan) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a plan.", aliases: ["get"])
        @Argument(help: "The plan's name or number.", completion: .names(of: .plan)) var plan: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.plan, plan) }
    }
}

struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Images: the systems to install.", subcommands: [List.self, Describe.self],
        aliases: ["images"])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the images.", aliases: ["ls"])
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.image, query: list.query) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows an image.", aliases: ["get"])
        @Argument(help: "The image's name or number.", completion: .names(of: .image)) var image: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.image, image) }
    }
}

struct LocationCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "location", abstract: "Locations: where servers can be.", subcommands: [List.self, Describe.self],
        aliases: ["locations"])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the locations.", aliases: ["ls"])
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.location) }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a location.", aliases: ["get"])
        @Argument(help: "The location's name or number.", completion: .names(of: .location)) var location: String
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showOne(.location, location) }
    }
}

struct PrimaryIPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "primary-ip", abstract: "Primary IPs: the addresses of your servers.", subcommands: [List.self],
        aliases: ["primary-ips"])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the addresses.", aliases: ["ls"])
        @OptionGroup var list: ListOptions
        @OptionGroup var options: ReadOptions
        func run() throws { try options.showList(.primaryIP, query: list.query) }
    }
}
