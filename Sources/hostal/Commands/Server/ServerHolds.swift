import ArgumentParser
import HostalClient

struct ServerHolds: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "holds", abstract: "Shows why a server may not be used.",
        usage: "hostal server holds <server> [<options>]",
        discussion: "While there is one, the server is off and only your provider can change that. Most servers have none.")
    @OptionGroup var argument: ServerArgument
    @OptionGroup var options: ReadOptions

    func run() throws {
        let server = try options.connection.open().server(argument.server, to: "show the holds on")
        try options.output.show(server["holds"].elements, as: .hold)
    }
}
