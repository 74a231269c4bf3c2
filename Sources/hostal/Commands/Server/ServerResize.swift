import ArgumentParser
import HostalClient

struct ServerResize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize", abstract: "Gives a server another plan.",
        usage: "hostal server resize <server> --plan <plan> [<options>]",
        discussion: """
            The disk stays as it is unless --upgrade-disk lets it grow, which cannot
            be undone. A server that is on restarts, unless it only gets more and its
            host has left room for that.

              hostal server resize web-1 --plan large --dry-run
              hostal server resize web-1 --plan large
            """)
    @OptionGroup var argument: ServerArgument
    @Option(name: [.long, .customLong("type")], help: "The new plan.", completion: .names(of: .plan)) var plan: String
    @Flag(help: "Let the disk grow to the plan's. It never shrinks again.") var upgradeDisk = false
    @Option(help: ArgumentHelp("running, network or ssh.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "resize")
        let task = "resize server \(server.name)"
        let chosen = try doing(task) { try client.find(.plan, plan) }
        let losses = ["cores", "memory"].filter { (chosen[$0].double ?? 0) < (server["server_type"][$0].double ?? 0) }
        if !options.dryRun, !losses.isEmpty {
            try confirmation.confirm(
                task, name: server.name,
                consequence:
                    "Plan \(chosen.name) has less \(losses.joined(separator: " and ")) than server \(server.name) has now.")
        }
        let body: JSON = ["server_type": chosen["id"], "upgrade_disk": .bool(upgradeDisk)]
        try ServerChange(
            "change_type", task: task, done: "server \(server.name) has plan \(chosen.name)", server: server, body: body
        )
        .carryOut(options, wait, goal: waitFor, client)
    }
}

struct ServerResetPassword: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset-password", abstract: "Gives a server's root a new password, and prints it once.",
        usage: "hostal server reset-password <server> [<options>]",
        discussion: "It is for the console: as shipped, SSH takes keys alone.")
    @OptionGroup var argument: ServerArgument
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "reset the password of")
        try ServerChange(
            "reset_password", task: "reset the password of server \(server.name)",
            done: "server \(server.name) has a new root password",
            server: server
        ).carryOut(options, wait, client)
    }
}
