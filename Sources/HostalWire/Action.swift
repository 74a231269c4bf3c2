package import FoundationEssentials

/// Something asked for and how far it is: an order with its job.
package struct Action: Codable, Hashable, Sendable {
    /// The order's number.
    package var id: Int64
    package var command: String
    /// `running` (waiting to be taken up included), `success` or `error`.
    package var status: String
    /// Percent, 0 to 100.
    package var progress: Int
    package var started: Date
    @Nullable package var finished: Date?
    package var resources: [ActionResource]
    @Nullable package var error: ActionError?
    /// Ours: in the order in which they are done; empty until a worker has taken it up.
    package var steps: [ActionStep]
    /// Ours: what it waits for, in words for customers; null while it works or is over.
    @Nullable package var waitingFor: String?
    /// Ours: it failed and not everything could be undone, so an operator must look.
    package var needsAttention: Bool

    package init(
        id: Int64, command: String, status: String, progress: Int, started: Date, finished: Date? = nil,
        resources: [ActionResource], error: ActionError? = nil, steps: [ActionStep] = [], waitingFor: String? = nil,
        needsAttention: Bool = false
    ) {
        self.id = id
        self.command = command
        self.status = status
        self.progress = progress
        self.started = started
        self.finished = finished
        self.resources = resources
        self.error = error
        self.steps = steps
        self.waitingFor = waitingFor
        self.needsAttention = needsAttention
    }
}

/// What an action is about.
package struct ActionResource: Codable, Hashable, Sendable {
    package var id: Int64
    package var type: String

    package init(
        id: Int64, type: String
    ) {
        self.id = id
        self.type = type
    }
}

/// Why an action failed: a code that never changes, and words.
package struct ActionError: Codable, Hashable, Sendable {
    package var code: String
    package var message: String

    package init(
        code: String, message: String
    ) {
        self.code = code
        self.message = message
    }
}

/// One step of an action.
package struct ActionStep: Codable, Hashable, Sendable {
    package var name: String
    /// What it does, for people: `cloning the disk`.
    package var title: String
    /// `pending`, `running`, `done`, `failed`, `undoing` or `undone`.
    package var state: String
    @Nullable package var started: Date?
    @Nullable package var finished: Date?

    package init(
        name: String, title: String, state: String, started: Date? = nil, finished: Date? = nil
    ) {
        self.name = name
        self.title = title
        self.state = state
        self.started = started
        self.finished = finished
    }
}
