import ArgumentParser
import HostalClient

/// One change of one server that the API carries out as an action: sent, followed, and told as a result.
struct ServerChange {
    /// `power off server web-1`.
    var task: String
    /// What is true afterwards: `server web-1 is off`.
    var done: String
    var request: APIRequest

    /// - Parameter verb: as the API calls it: `poweroff`.
    init(_ verb: String, task: String, done: String, server: JSON, body: JSON? = nil) {
        self.task = task
        self.done = done
        request = APIRequest(.post, "/servers/\(server["id"].int ?? 0)/actions/\(verb)", body: body)
    }

    init(request: APIRequest, task: String, done: String) {
        self.task = task
        self.done = done
        self.request = request
    }

    /// Throws a `CommandError`.
    func carryOut(_ options: ChangeOptions, _ wait: WaitOptions, goal: WaitGoal = .running, _ client: APIClient) throws {
        let answer = try options.send(request, task, client)
        if options.dryRun { return try options.showDryRun(answer.body, task) }
        let action = answer.body["action"]
        let password = answer.body["root_password"].string
        if wait.noWait {
            if options.output.isWhole { return options.output.showWhole(password == nil ? action : answer.body) }
            Terminal.result(action["id"].text ?? "")
            if let password { Terminal.note("root password: \(password.printable)") }
            return
        }
        Terminal.note("\(task): action \(action["id"].text ?? "?")".printable)
        let start = ContinuousClock.now
        let ended: JSON
        do {
            ended = try ActionWatch(client: client, limit: wait.waitTimeout.duration).follow(action, task: task)
            try GoalWatch(client: client, goal: goal, limit: wait.waitTimeout.duration, start: start).wait(for: ended, task: task)
        } catch {
            // It is given once: a wait that fails must not lose it.
            if let password { Terminal.note("root password: \(password.printable)") }
            throw error
        }
        if options.output.isWhole {
            var whole = answer.body
            whole["action"] = ended
            return options.output.showWhole(password == nil ? ended : whole)
        }
        Terminal.result(done.printable)
        if let password {
            Terminal.result("root password: \(password.printable)")
        } else if answer.attempts > 1, request.path.hasSuffix("/reset_password") {
            Terminal.note("the password was in an answer that did not arrive; run hostal server reset-password")
        }
    }
}

extension APIClient {
    /// The server that a name or number means. Throws a `CommandError`.
    func server(_ text: String, to task: String) throws -> JSON {
        try doing("\(task) server \(text)") { try find(.server, text) }
    }
}

extension JSON {
    /// The name that it has, in place of the number that somebody may have given.
    var name: String { self["name"].text ?? self["id"].text ?? "?" }
}
