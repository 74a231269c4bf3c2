import ArgumentParser
import HostalClient

struct ServerDelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Gives a server back: its disk and its addresses are gone for good.",
        usage: "hostal server delete <server> [<options>]",
        discussion: "  hostal server delete web-1\n  hostal server delete web-1 --yes     # in a script")
    @OptionGroup var argument: ServerArgument
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "delete")
        let task = "delete server \(server.name)"
        if !options.dryRun {
            try confirmation.confirm(
                task, name: server.name,
                consequence:
                    "Server \(server.name) (\(ServerAddresses(server).ipv4 ?? "no IPv4")), its disk and its addresses will be gone for good."
            )
        }
        let request = APIRequest(.delete, "/servers/\(server["id"].int ?? 0)")
        try ServerChange(request: request, task: task, done: "server \(server.name) is deleted").carryOut(options, wait, client)
    }
}
