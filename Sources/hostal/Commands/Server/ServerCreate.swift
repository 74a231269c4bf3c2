import ArgumentParser
import HostalClient

struct ServerCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Orders a server and waits until it is up.",
        usage: "hostal server create --name <n> --plan <p> --image <i> [<options>]",
        discussion: """
            Without an SSH key it gets a root password, which is shown once.

              hostal server create --name web-1 --plan small \\
                --image debian-12 --ssh-key laptop --label env=prod

              ip=$(hostal server create --name web-2 --plan small \\
                --image debian-12 --ssh-key laptop -o columns=ipv4 -o noheader)
            """)

    @Option(help: "What to call it: a host name.") var name: String
    @Option(name: [.long, .customLong("type")], help: "The plan.", completion: .names(of: .plan)) var plan: String
    @Option(help: "The image.", completion: .names(of: .image)) var image: String
    @Option(
        help: ArgumentHelp("An SSH key of your account; may be repeated.", valueName: "name"), completion: .names(of: .sshKey))
    var sshKey: [String] = []
    @Option(help: ArgumentHelp("A cloud-init document; - is standard input.", valueName: "file"), completion: .file())
    var userDataFromFile: String?
    @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "key=value")) var label: [Label] = []
    @Option(help: "Where it is to be.", completion: .names(of: .location)) var location: String?
    @Option(help: ArgumentHelp("running, network, ssh or cloud-init.", valueName: "goal")) var waitFor = WaitGoal.running
    @OptionGroup(title: "Waiting") var wait: WaitOptions
    @OptionGroup var options: ChangeOptions

    func run() throws {
        let task = "create server \(name)"
        let client = try options.open()
        let request = APIRequest(.post, "/servers", body: try body(task, client))
        let answer = try options.send(request, task, client)
        if options.dryRun { return try options.showDryRun(answer.body, task) }
        let password = answer.body["root_password"].string
        let action = answer.body["action"]
        if wait.noWait {
            if options.output.isWhole { return options.output.showWhole(answer.body) }
            Terminal.result(action["id"].text ?? "")
            if let password { Terminal.note("root password: \(password.printable)") }
            return
        }
        Terminal.note("\(task): server \(answer.body["server"]["id"].text ?? "?"), action \(action["id"].text ?? "?")".printable)
        let created: JSON
        do { created = try finish(answer.body, task, client) } catch {
            // It is given once: a wait that fails must not lose it.
            if let password { Terminal.note("root password: \(password.printable)") }
            throw error
        }
        if options.output.isWhole { return options.output.showWhole(created) }
        if options.output.choices.contains(where: { $0 != .table }) {
            if let password { Terminal.note("root password: \(password.printable)") }
            return try options.output.show([created["server"]], as: .server)
        }
        showFacts(created["server"], password: password)
        if password == nil, sshKey.isEmpty {
            Terminal.note("the root password was in an answer that did not arrive; run hostal server reset-password \(name)")
        }
    }

    /// Waits, and gives the API's answer with the server and the action as they are now.
    private func finish(_ answer: JSON, _ task: String, _ client: APIClient) throws -> JSON {
        let start = ContinuousClock.now
        let limit = wait.waitTimeout.duration
        var answer = answer
        answer["action"] = try ActionWatch(client: client, limit: limit).follow(answer["action"], task: task)
        try GoalWatch(client: client, goal: waitFor, limit: limit, start: start).wait(for: answer["action"], task: task)
        if let id = answer["server"]["id"].int { answer["server"] = try doing(task) { try client.one(.server, id) } }
        return answer
    }

    private func showFacts(_ server: JSON, password: String?) {
        let addresses = ServerAddresses(server)
        var facts = [("server", "\(server["id"].text ?? "?") \(server.name) is \(server["status"].text ?? "?")")]
        if let ipv4 = addresses.ipv4 { facts.append(("ipv4", ipv4)) }
        if let ipv6 = addresses.ipv6 { facts.append(("ipv6", ipv6)) }
        if let password { facts.append(("root password", password)) }
        Terminal.result(Table.facts(facts))
    }

    /// Names become numbers here, so that an unknown one is found before anything is ordered, and an ambiguous one is no guess of the API's.
    private func body(_ task: String, _ client: APIClient) throws -> JSON {
        let userData = try userDataFromFile.map { try InputFile.text($0, limit: UserData.sizeLimit) }
        func number(_ resource: Resource, _ text: String) throws -> JSON {
            try doing(task) { try client.find(resource, text)["id"] }
        }
        var body: JSON = ["name": .string(name), "server_type": try number(.plan, plan), "image": try number(.image, image)]
        if !sshKey.isEmpty { body["ssh_keys"] = .array(try sshKey.map { try number(.sshKey, $0) }) }
        if let userData { body["user_data"] = .string(userData) }
        if !label.isEmpty { body["labels"] = label.json }
        if let location { body["location"] = try number(.location, location) }
        return body
    }
}

enum UserData {
    /// Bytes; what the API accepts.
    static let sizeLimit = 32_768
}
