import ArgumentParser
import FoundationEssentials
import HostalClient

/// What every change takes. The key makes a repeated request the same request, whether the command repeats it or its caller does.
struct ChangeOptions: ParsableArguments {
    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Flag(help: "Show what would happen; change nothing.")
    var dryRun = false
    @Option(help: ArgumentHelp("Repeat with the same key, act once.", valueName: "key"))
    var idempotencyKey: String?

    func validate() throws {
        guard let idempotencyKey else { return }
        guard (1...255).contains(idempotencyKey.utf8.count), idempotencyKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ValidationError("--idempotency-key must be 1 to 255 printable ASCII characters without spaces")
        }
    }

    /// Throws a `CommandError`.
    func open() throws -> APIClient {
        let client = try connection.open()
        client.onPause = { reason, pause in
            Terminal.note("trying again in \(max(1, pause.components.seconds)) s: \(reason)".printable)
        }
        return client
    }

    /// Sends the change with its key. Throws a `CommandError`.
    func send(_ request: APIRequest, _ task: String, _ client: APIClient) throws -> APIAnswer {
        var request = request
        request.idempotencyKey = idempotencyKey ?? UUID().uuidString.lowercased()
        if dryRun { request.query.append(.init("dry_run", "true")) }
        return try doing(task) { try client.send(request) }
    }

    /// What a dry run found.
    func showDryRun(_ body: JSON, _ task: String) throws {
        let found = body["dry_run"]
        guard !found.isNull else {
            // It may have acted.
            throw CommandError(.other, "cannot try to \(task): the API does not know dry runs; look whether it has done it")
        }
        if output.isWhole { return output.showWhole(found) }
        let steps = found["steps"].elements.compactMap { $0.text?.replacing("-", with: " ") }
        let keeps = found["keeps"].elements.compactMap { $0.text?.replacing("_", with: " ") }
        let downtime =
            switch found["downtime"].text {
            case "none"?: "none"
            case "none_if_possible"?: "none if its host can add to it while it runs, else for as long as it takes to restart"
            case "reboot"?: "for as long as it takes to restart"
            case "reinstall"?: "until the new system has started"
            case let other: other ?? "unknown"
            }
        Terminal.note("dry run: this would \(task); nothing was changed".printable)
        let facts = [
            ("downtime", downtime), ("irreversible", found["irreversible"].bool == true ? "yes" : "no"),
            ("keeps", keeps.isEmpty ? "nothing" : keeps.joined(separator: ", ")),
            ("steps", steps.first ?? "none: it takes effect at once"),
        ]
        Terminal.result(Table.facts(facts + steps.dropFirst().map { ("", $0) }))
    }
}
