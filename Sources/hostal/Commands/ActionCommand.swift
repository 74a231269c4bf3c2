import ArgumentParser
import HostalClient

struct ActionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "action", abstract: "Actions: what was asked for, and how it goes.",
        subcommands: [List.self, Describe.self, Watch.self, Wait.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists actions, newest first.", usage: "hostal action list [<options>]")
        @Option(help: ArgumentHelp("Only those of this server.", valueName: "name"), completion: .names(of: .server)) var server:
            String?
        @Option(help: "Only running, success or error ones.", completion: .list(["running", "success", "error"])) var status:
            [String] = []
        @Option(help: ArgumentHelp("Such as started:asc.", valueName: "field")) var sort: [String] = ["id:desc"]
        @OptionGroup var options: ReadOptions

        func run() throws {
            let client = try options.connection.open()
            let query = status.map { APIRequest.Parameter("status", $0) } + sort.map { .init("sort", $0) }
            var path = "/actions"
            if let server {
                path = "/servers/\(try client.server(server, to: "list the actions of")["id"].int ?? 0)/actions"
            }
            let found = try doing("list actions") { try client.list(at: path, member: "actions", query: query) }
            try options.output.show(found, as: .action)
        }
    }

    struct Describe: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "describe", abstract: "Shows an action with its steps.", usage: "hostal action describe <id> [<options>]"
        )
        @Argument(help: "The action's number.") var id: Int64
        @OptionGroup var options: ReadOptions

        func run() throws {
            let client = try options.connection.open()
            try options.output.show(one: try doing("describe action \(id)") { try client.one(.action, id) }, as: .action)
        }
    }

    struct Watch: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "watch", abstract: "Shows an action's steps until it is over.",
            usage: "hostal action watch <id> [<options>]",
            discussion:
                "Exits with 0 when it succeeded, 8 when it failed and was rolled back,\n9 when it needs attention, 10 when the time is up."
        )
        @Argument(help: "The action's number.") var id: Int64
        @Option(help: ArgumentHelp("How long to wait: 90s, 30m, 2h.", valueName: "time")) var waitTimeout = Span(
            .seconds(30 * 60))
        @OptionGroup var options: ReadOptions

        func run() throws { try follow(id, waitTimeout, options, isSilent: false) }
    }

    struct Wait: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "wait", abstract: "Waits, silently, until an action is over.",
            usage: "hostal action wait <id> [<options>]",
            discussion: "Exits as hostal action watch does.")
        @Argument(help: "The action's number.") var id: Int64
        @Option(help: ArgumentHelp("How long to wait: 90s, 30m, 2h.", valueName: "time")) var waitTimeout = Span(
            .seconds(30 * 60))
        @OptionGroup var options: ReadOptions

        func run() throws { try follow(id, waitTimeout, options, isSilent: true) }
    }
}

private func follow(_ id: Int64, _ limit: Span, _ options: ReadOptions, isSilent: Bool) throws {
    let client = try options.connection.open()
    let action = try doing("follow action \(id)") { try client.one(.action, id) }
    let task = "carry out action \(id)"
    let ended = try ActionWatch(client: client, limit: limit.duration, isSilent: isSilent).follow(action, task: task)
    if options.output.isWhole { return options.output.showWhole(ended) }
    if !isSilent { Terminal.result("action \(id) (\(ActionProgress(ended).command.printable)) has succeeded") }
}
