/// How far an action is, read from its JSON.
package struct ActionProgress: Sendable, Hashable {
    package enum Status: Sendable, Hashable {
        case running, succeeded
        /// `needsAttention`: not everything could be undone, and an operator must look.
        case failed(code: String, message: String, needsAttention: Bool)
    }

    package struct Step: Sendable, Hashable {
        /// In words.
        package var title: String
        /// `pending`, `running`, `done`, `failed`, `undoing` or `undone`.
        package var state: String
        /// How long it took, in whole seconds as the API gives times; nil while it is not over.
        package var seconds: Int64?
    }

    package let id: Int64
    package let command: String
    package let status: Status
    /// Percent.
    package let percent: Int64
    package let steps: [Step]
    package let waitingFor: String?

    package init(_ action: JSON) {
        id = action["id"].int ?? 0
        command = action["command"].text ?? ""
        percent = action["progress"].int ?? 0
        waitingFor = action["waiting_for"].text
        steps = action["steps"].elements.map { step in
            let begun = step["started"].text.flatMap { Timestamp($0) }
            let ended = step["finished"].text.flatMap { Timestamp($0) }
            var seconds: Int64?
            if let begun, let ended { seconds = max(0, ended.seconds - begun.seconds) }
            return Step(
                title: step["title"].text ?? (step["name"].text ?? "").split(separator: "-").joined(separator: " "),
                state: step["state"].text ?? "", seconds: seconds)
        }
        switch action["status"].text {
        case "success": status = .succeeded
        case "error":
            let error = action["error"]
            let isLeft = action["needs_attention"].bool == true
            status = .failed(code: error["code"].text ?? "", message: error["message"].text ?? "", needsAttention: isLeft)
        default: status = .running
        }
    }

    /// What is being done now.
    package var current: Step? { steps.first { $0.state == "running" || $0.state == "undoing" } }
}
