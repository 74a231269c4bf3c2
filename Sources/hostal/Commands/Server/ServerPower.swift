import ArgumentParser
import HostalClient

struct ServerPowerOn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poweron", abstract: "Switches a server on.", usage: "hostal server poweron <server> [<options>]")
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("running, network or ssh.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "power on")
        try ServerChange("poweron", task: "power on server \(server.name)", done: "server \(server.name) is on", server: server)
            .carryOut(options, wait, goal: waitFor, client)
    }
}

struct ServerPowerOff: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poweroff", abstract: "Cuts a server's power at once. What it has not written to disk is lost.",
        usage: "hostal server poweroff <server> [<options>]")
    @OptionGroup var argument: ServerArgument
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "power off")
        let task = "power off server \(server.name)"
        if !options.dryRun {
            try confirmation.confirm(
                task, name: server.name,
                consequence:
                    "The power is cut at once: what is not on disk is lost. hostal server shutdown asks the system first.")
        }
        try ServerChange("poweroff", task: task, done: "server \(server.name) is off", server: server).carryOut(
            options, wait, client)
    }
}

struct ServerShutdown: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shutdown", abstract: "Asks a server's system to shut down, and waits until it is off.",
        usage: "hostal server shutdown <server> [<options>]",
        discussion: "  hostal server shutdown web-1 --force-after 60s")
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("Cut the power when it is not off by then.", valueName: "time")) var forceAfter: Span?
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "shut down")
        let body: JSON? = forceAfter.map { ["force_after_seconds": .number($0.duration.components.seconds)] }
        try ServerChange(
            "shutdown", task: "shut down server \(server.name)", done: "server \(server.name) is off", server: server, body: body
        ).carryOut(options, wait, client)
    }
}

struct ServerReboot: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reboot", abstract: "Asks a server's system to restart.", usage: "hostal server reboot <server> [<options>]",
        discussion: "  hostal server reboot web-1 --wait-for ssh")
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("running, network or ssh.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "reboot")
        try ServerChange(
            "reboot", task: "reboot server \(server.name)", done: "server \(server.name) has restarted", server: server
        )
        .carryOut(options, wait, goal: waitFor, client)
    }
}

struct ServerReset: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset",
        abstract: "Cuts a server's power and switches it on again. What it has not written to disk is lost.",
        usage: "hostal server reset <server> [<options>]")
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("running, network or ssh.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "reset")
        let task = "reset server \(server.name)"
        if !options.dryRun {
            try confirmation.confirm(
                task, name: server.name,
                consequence: "The power is cut at once: what is not on disk is lost. hostal server reboot asks the system first.")
        }
        try ServerChange("reset", task: task, done: "server \(server.name) has been reset", server: server)
            .carryOut(options, wait, goal: waitFor, client)
    }
}
