import ArgumentParser
import HostalClient

struct ServerCreateImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create-image", abstract: "Makes an image of a server's disk, for new servers and reinstallations.",
        usage: "hostal server create-image <server> [<options>]",
        discussion: """
            The server goes on meanwhile. The image is yours alone, has a number and
            no name, and stays when the server is deleted.

              hostal server create-image web-1 --description 'before the upgrade'

              image=$(hostal server create-image web-1 -o columns=id -o noheader)
              hostal server create --name web-2 --plan small --image $image
            """)
    @OptionGroup var argument: ServerArgument
    @Option(help: ArgumentHelp("What it is, in words.", valueName: "text")) var description: String?
    @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "key=value")) var label: [Label] = []
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let client = try options.open()
        let server = try client.server(argument.server, to: "make an image of")
        let task = "make an image of server \(server.name)"
        var body: JSON = ["type": "snapshot"]
        if let description { body["description"] = .string(description) }
        if !label.isEmpty { body["labels"] = label.json }
        let request = APIRequest(.post, "/servers/\(server["id"].int ?? 0)/actions/create_image", body: body)
        var answer = try options.send(request, task, client).body
        if options.dryRun { return try options.showDryRun(answer, task) }
        let action = answer["action"]
        let image = answer["image"]["id"].int ?? 0
        if wait.noWait {
            if options.output.isWhole { return options.output.showWhole(answer) }
            Terminal.note("image \(image)")
            return Terminal.result(action["id"].text ?? "")
        }
        Terminal.note("\(task): image \(image), action \(action["id"].text ?? "?")".printable)
        answer["action"] = try ActionWatch(client: client, limit: wait.waitTimeout.duration).follow(action, task: task)
        let made = try doing(task) { try client.one(.image, image) }
        answer["image"] = made
        if options.output.isWhole { return options.output.showWhole(answer) }
        if options.output.choices.contains(where: { $0 != .table }) { return try options.output.show([made], as: .image) }
        Terminal.result("image \(image) is made of server \(server.name)".printable)
    }
}
