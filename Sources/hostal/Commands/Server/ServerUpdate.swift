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
        try update(argument.server, "rename", options) { _, _ in ["name": .string(name)] }
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

    func run() throws {
        try update(argument.server, "label", options) { server, task in
            var all = server["labels"]
            if all.isNull { all = [:] }
            for label in labels {
                if let present = all[label.key].string, present != label.value, !overwrite {
                    throw CommandError(
                        .conflict,
                        "cannot \(task): the label \(label.key) is '\(present)'; use --overwrite to change it".printable)
                }
                all[label.key] = .string(label.value)
            }
            return ["labels": all, "expected_labels": server["labels"]]
        }
    }
}

struct ServerRemoveLabel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-label", abstract: "Takes labels off a server.",
        usage: "hostal server remove-label <server> <key> ... [<options>]", discussion: "  hostal server remove-label web-1 env")
    @OptionGroup var argument: ServerArgument
    @Argument(help: "The labels' keys.") var keys: [String]
    @OptionGroup var options: ChangeOptions

    func run() throws {
        try update(argument.server, "take labels off", options) { server, task in
            let labels = server["labels"].members
            for key in keys where !labels.contains(where: { $0.name == key }) {
                throw CommandError(.notFound, "cannot \(task): it has no label \(key)".printable)
            }
            return ["labels": .object(labels.filter { !keys.contains($0.name) }), "expected_labels": server["labels"]]
        }
    }
}

/// How often a change is made anew because another came in between, at most.
private let updateAttempts = 10

/// A change that names the labels it was made from is made anew when others are there by now, so that of two at once both count.
private func update(
    _ text: String, _ verb: String, _ options: ChangeOptions, _ body: (JSON, String) throws -> JSON
) throws {
    let client = try options.open()
    var server = try client.server(text, to: verb)
    let task = "\(verb) server \(server.name)"
    let path = "/servers/\(server["id"].int ?? 0)"
    var answer: JSON?
    for attempt in 1...updateAttempts where answer == nil {
        let request = APIRequest(.put, path, body: try body(server, task))
        do { answer = try options.send(request, task, client).body } catch let error as CommandError
            where error.exit == .conflict && attempt < updateAttempts && request.body?["expected_labels"].isNull == false
        {
            let present = try doing(task) { try client.send(APIRequest(.get, path)) }.body["server"]
            guard present["labels"] != server["labels"] else { throw error }
            server = present
        }
    }
    guard let answer else { return }
    if options.dryRun { return try options.showDryRun(answer, task) }
    if options.output.choices.isEmpty {
        let now = answer["server"]
        return Terminal.result("server \(now["id"].text ?? "?") is \(now.name), with labels \(View.labels(of: now))".printable)
    }
    try options.output.show(one: answer["server"], as: .server)
}
