/// What the database remembers of one step of a job.
package struct StepRecord: Hashable, Sendable {
    package enum State: String, Sendable {
        case intended, done, failed, undoing, undone
    }
    package var name: StepName
    package var state: State

    package init(name: StepName, state: State) {
        self.name = name
        self.state = state
    }
}

/// Where a job stands and what comes next: a value, decided without touching anything.
///
///     forward:    (none) ── intend ──> intended ── perform ──> done ── … ──> finish(succeeded)
///     unwinding:  intended | done | failed ── beginUndo ──> undoing ── undo ──> undone ── … ──> finish(failed)
///
/// Unwinding visits, last first, every step that has an intent: the one that failed is among them.
package struct JobState: Hashable, Sendable {
    package enum Direction: String, Sendable {
        case forward, unwinding
    }
    package enum Action: Hashable, Sendable {
        case intend(Int)
        case perform(Int)
        case beginUndo(Int)
        case undo(Int)
        case succeed
        /// Everything is undone.
        case fail
    }

    package var names: [StepName]
    package var pivot: StepName?
    /// One for each step that has an intent, in order.
    package var records: [StepRecord]
    package var direction: Direction

    package init(names: [StepName], pivot: StepName?, records: [StepRecord], direction: Direction) {
        self.names = names
        self.pivot = pivot
        self.records = records
        self.direction = direction
    }

    /// Whether a failure may still unwind the job.
    package var canUnwind: Bool {
        guard let pivot else { return false }
        return !records.contains { $0.name == pivot && $0.state == .done }
    }

    package var next: Action {
        switch direction {
        case .forward:
            if let open = records.firstIndex(where: { $0.state != .done }) { return .perform(open) }
            return records.count == names.count ? .succeed : .intend(records.count)
        case .unwinding:
            guard let last = records.lastIndex(where: { $0.state != .undone }) else { return .fail }
            return records[last].state == .undoing ? .undo(last) : .beginUndo(last)
        }
    }

    /// Done steps of all, 0 to 100.
    package var percent: Int {
        names.isEmpty ? 0 : records.count { $0.state == .done } * 100 / names.count
    }
}
