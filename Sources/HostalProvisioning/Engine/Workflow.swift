package struct WorkflowName: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: String
    package init(_ text: String) { self.text = text }
    package init(stringLiteral value: String) { text = value }
    package var description: String { text }
}

/// A step without its types, as the runner holds it.
package struct AnyStep: Sendable {
    package let name: StepName
    package let title: String
    package let lateCode: Failure.Code
    package let intent: @Sendable (Job) throws -> [String: String]
    package let run: @Sendable (Job, Host) async throws -> StepProgress<JSONText>
    package let undo: @Sendable (Job, Host) async throws -> Void

    package init<S: Step>(_ step: S) {
        name = S.name
        title = S.title
        lateCode = S.lateCode
        intent = { try step.intent(for: $0) }
        undo = { try await step.undo($0, on: $1) }
        run = { job, host in
            switch try await step.run(job, on: host) {
            case .done(let output, let records): .done(try JSONText(encoding: output), records: records)
            case .waiting(let reason, let pause): .waiting(for: reason, checkAgainIn: pause)
            }
        }
    }

    package init(
        name: StepName, title: String, lateCode: Failure.Code = .timeout,
        intent: @escaping @Sendable (Job) throws -> [String: String],
        run: @escaping @Sendable (Job, Host) async throws -> StepProgress<JSONText>,
        undo: @escaping @Sendable (Job, Host) async throws -> Void
    ) {
        self.name = name
        self.title = title
        self.lateCode = lateCode
        self.intent = intent
        self.run = run
        self.undo = undo
    }
}

/// An ordered list of steps, with the point after which there is no way back.
package struct Workflow: Sendable {
    package let name: WorkflowName
    /// Raised when the list of steps changes. A job keeps the names that it started with.
    package let version: Int
    package let steps: [AnyStep]
    /// Once this step is done the job only goes forward. Nil: there is no way back from the start.
    package let pivot: StepName?
    /// How long the job may take up to the pivot, waiting included.
    package let deadline: Duration
    /// Asked once, when a job begins: the workflow that does the same for this guest in a gentler way, if it can. Nil: this one.
    package let choice: (@Sendable (Job, Host) async throws -> WorkflowName?)?

    package init(
        name: WorkflowName, version: Int, steps: [AnyStep], pivot: StepName?, deadline: Duration,
        choice: (@Sendable (Job, Host) async throws -> WorkflowName?)? = nil
    ) {
        self.name = name
        self.version = version
        self.steps = steps
        self.pivot = pivot
        self.deadline = deadline
        self.choice = choice
        precondition(Set(steps.map(\.name)).count == steps.count, "workflow \(name) names a step twice")
        precondition(
            pivot == nil || steps.contains { $0.name == pivot }, "workflow \(name) has no step \(pivot.map(\.text) ?? "")")
    }

    package func step(named name: StepName) -> AnyStep? { steps.first { $0.name == name } }
}
