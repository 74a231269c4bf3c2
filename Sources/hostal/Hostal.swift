import ArgumentParser

/// The customers' command.
struct Hostal: ParsableCommand {
    static let version = "0.1.0"

    // Every command of ours says its name: deriving one from a type's costs more of a run than all the rest of it.
    static let configuration = CommandConfiguration(
        commandName: "hostal",
        abstract: "Looks after your virtual servers.",
        discussion: """
            Start with a context, which keeps an address and a token:

              hostal context create work --endpoint https://api.example.net
              hostal plan list
              hostal server create --name web-1 --plan small --image debian-12
              hostal server ssh web-1

            Commands wait until what they ask for is done. Results go to standard
            output, progress and questions to standard error. Exit codes: 0 ok,
            1 other, 2 usage, 3 not allowed, 4 not found, 5 conflict, 6 protected
            or not confirmed, 7 limit or capacity, 8 failed and rolled back,
            9 failed and needs attention, 10 timed out and still running,
            11 network or server error, safe to repeat.
            """,
        subcommands: [
            ServerCommand.self, ActionCommand.self, PlanCommand.self, ImageCommand.self, LocationCommand.self, SSHKeyCommand.self,
            PrimaryIPCommand.self, ContextCommand.self, CompletionCommand.self, VersionCommand.self,
        ])
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Says which version this is.")

    func run() { Terminal.result("hostal \(Hostal.version)") }
}
