import ArgumentParser
import HostalClient

struct ServerUpdate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Gives a server another name. The guest keeps its host name.",
        usage: "hostal server update <server> --name <name> [<options>]",
        discussion: "  hostal server update web-1 --name web-old")
    @OptionGroup var argument: ServerArgument
    @Option(help: "The new name.") var name: String
    @OptionGroup var options: ChangeOptions

    func run() throws {
        try ObjectUpdate(.server, argument.server, "rename").carryOut(options) { _, _ in ["name": .string(name)] }
    }
}

struct ServerAddLabel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add-label", abstract: "Puts labels on a server.",
        usage: "hostal server add-label <server> <key=value> ... [<options>]",
        discussion: "  hostal server add-label web-1 env=prod tier=web")
    @OptionGroup var argument: ServerArgument
    @Argument(help: "key=value, or key alone.") var labels: [Label]
    @Flag(help: "Change labels that are there with another value.") var overwrite = false
    @OptionGroup var options: ChangeOptions

    func run() throws { try ObjectUpdate(.server, argument.server, "label").add(labels, overwrite: overwrite, options) }
}

struct ServerRemoveLabel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-label", abstract: "Takes labels off a server.",
        usage: "hostal server remove-label <server> <key> ... [<options>]", discussion: "  hostal server remove-label web-1 env")
    @OptionGroup var argument: ServerArgument
    @Argument(help: "The labels' keys.") var keys: [String]
    @OptionGroup var options: ChangeOptions

    func run() throws { try ObjectUpdate(.server, argument.server, "take labels off").remove(keys, options) }
}
