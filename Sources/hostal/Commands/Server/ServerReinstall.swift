import ArgumentParser
import HostalClient

struct ServerReinstall: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reinstall", abstract: "Puts a fresh system on a server.",
        usage: "hostal server reinstall <server> [<options>]",
        discussion: """
            Keeps its name, addresses, SSH keys, labels and, unless told otherwise,
            its cloud-init document. The old disk is kept for a while:
            hostal server undo brings it back.

              hostal server reinstall web-1 --image debian-12
              hostal server reinstall web-1 --image 7     # one that you made
            """)
    @OptionGroup var argument: ServerArgument
    @Option(help: "The image; without it the one that it has.", completion: .names(of: .image)) var image: String?
    @Option(help: ArgumentHelp("Another cloud-init document; - is standard input.", valueName: "file"), completion: .file())
    var userDataFromFile: String?
    @Flag(help: "Without the cloud-init document that it has.") var dropUserData = false
    @Option(help: ArgumentHelp("running, network, ssh or cloud-init.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func validate() throws {
        guard userDataFromFile == nil || !dropUserData else {
            throw ValidationError("give either --user-data-from-file or --drop-user-data")
        }
    }

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "reinstall")
        let task = "reinstall server \(server.name)"
        let chosen = try image.map { image in try doing(task) { try client.find(.image, image) } } ?? server["image"]
        guard let id = chosen["id"].int, image != nil || chosen["deleted"].isNull else {
            throw CommandError(.usage, "cannot \(task): its image is gone; choose one with --image".printable)
        }
        let system = chosen["name"].text ?? "copy of image \(id)"
        var body: JSON = ["image": .number(id)]
        if let userDataFromFile { body["user_data"] = .string(try InputFile.text(userDataFromFile, limit: UserData.sizeLimit)) }
        if dropUserData { body["user_data"] = .null }
        if !options.dryRun {
            try confirmation.confirm(
                task, name: server.name,
                consequence:
                    "Server \(server.name) gets a fresh \(system). Its present disk is put away, and later removed for good."
            )
        }
        try ServerChange(
            "rebuild", task: task, done: "server \(server.name) runs a fresh \(system)", server: server, body: body
        )
        .carryOut(options, wait, goal: waitFor, client)
    }
}

struct ServerUndo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undo", abstract: "Brings back the disk from before the last reinstallation.",
        usage: "hostal server undo <server> [<options>]",
        discussion: "It works as long as the old disk is kept. What was written since then is\nput away in its turn.")
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("running, network or ssh.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "undo the reinstallation of")
        let task = "undo the reinstallation of server \(server.name)"
        if !options.dryRun {
            try confirmation.confirm(
                task, name: server.name,
                consequence: "Server \(server.name) gets its earlier disk back. What is on the present one is put away.")
        }
        try ServerChange("undo", task: task, done: "server \(server.name) has its earlier disk", server: server)
            .carryOut(options, wait, goal: waitFor, client)
    }
}
