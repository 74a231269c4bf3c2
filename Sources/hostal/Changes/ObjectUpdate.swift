import HostalClient

/// A change of what something is called, described and labelled as.
///
/// One that names the labels it was made from is made anew when others are there by now, so that of two at once both count.
struct ObjectUpdate {
    let resource: Resource
    let text: String
    let verb: String

    /// How often a change is made anew because another came in between, at most.
    private static let attempts = 10

    /// - Parameters:
    ///   - text: the name or number that somebody gave.
    ///   - verb: `rename`, for messages.
    init(_ resource: Resource, _ text: String, _ verb: String) {
        self.resource = resource
        self.text = text
        self.verb = verb
    }

    /// Sends what `body` makes of the thing as it is, and shows what it is then. Throws a `CommandError`.
    func carryOut(_ options: ChangeOptions, _ body: (_ present: JSON, _ task: String) throws -> JSON) throws {
        let client = try options.open()
        var present = try doing("\(verb) \(resource.noun) \(text)") { try client.find(resource, text) }
        let task = "\(verb) \(resource.noun) \(present.name)"
        let path = "/\(resource.path)/\(present["id"].int ?? 0)"
        var answer: JSON?
        for attempt in 1...Self.attempts where answer == nil {
            let request = APIRequest(.put, path, body: try body(present, task))
            do { answer = try options.send(request, task, client).body } catch let error as CommandError
                where error.exit == .conflict && attempt < Self.attempts && request.body?["expected_labels"].isNull == false
            {
                let now = try doing(task) { try client.send(APIRequest(.get, path)) }.body[resource.member]
                guard now["labels"] != present["labels"] else { throw error }
                present = now
            }
        }
        guard let answer else { return }
        if options.dryRun { return try options.showDryRun(answer, task) }
        let now = answer[resource.member]
        guard options.output.choices.isEmpty else {
            return try options.output.show(one: now, as: resource == .image ? .image : .server)
        }
        let called = now["name"].text ?? now["description"].text.map { "'\($0)'" } ?? "?"
        Terminal.result(
            "\(resource.noun) \(now["id"].text ?? "?") is \(called), with labels \(View.labels(of: now))".printable)
    }

    /// Puts labels on it; one that is there with another value is a conflict unless it may be overwritten.
    func add(_ labels: [Label], overwrite: Bool, _ options: ChangeOptions) throws {
        try carryOut(options) { present, task in
            var all = present["labels"]
            if all.isNull { all = [:] }
            for label in labels {
                if let value = all[label.key].string, value != label.value, !overwrite {
                    throw CommandError(
                        .conflict,
                        "cannot \(task): the label \(label.key) is '\(value)'; use --overwrite to change it".printable)
                }
                all[label.key] = .string(label.value)
            }
            return ["labels": all, "expected_labels": present["labels"]]
        }
    }

    func remove(_ keys: [String], _ options: ChangeOptions) throws {
        try carryOut(options) { present, task in
            let labels = present["labels"].members
            for key in keys where !labels.contains(where: { $0.name == key }) {
                throw CommandError(.notFound, "cannot \(task): it has no label \(key)".printable)
            }
            return ["labels": .object(labels.filter { !keys.contains($0.name) }), "expected_labels": present["labels"]]
        }
    }
}
