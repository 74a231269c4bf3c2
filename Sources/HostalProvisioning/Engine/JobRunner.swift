import HostalModel

/// Runs one claimed job until it ends, waits, fails, or the lease is lost. All decisions are `JobState`'s and `verdict`'s; this acts.
package struct JobRunner: Sendable {
    let host: Host
    let journal: any JobJournal
    let fence: any HostFence
    let settings: EngineSettings
    let workflows: [WorkflowName: Workflow]
    let probe: FaultProbe

    package init(
        host: Host, journal: any JobJournal, fence: any HostFence, settings: EngineSettings, workflows: [Workflow],
        probe: @escaping FaultProbe = { _, _, _ in }
    ) {
        self.host = host
        self.journal = journal
        self.fence = fence
        self.settings = settings
        self.workflows = Dictionary(uniqueKeysWithValues: workflows.map { ($0.name, $0) })
        self.probe = probe
    }

    /// Throws `LeaseLost`, or the journal's error when PostgreSQL stays away; either way nothing more is done for the job here.
    package func run(_ claimed: ClaimedJob) async throws {
        let lease = claimed.job.lease
        guard var workflow = workflows[claimed.workflow] else {
            let unknown = Failure(
                .needsOperator, .serviceError, "cannot carry out the order: internal error",
                detail: "this worker knows no workflow \(claimed.workflow)")
            return try await write { try await journal.stick(lease, step: nil, failure: unknown) }
        }
        var job = claimed.job
        var state = JobState(
            names: claimed.stepNames, pivot: workflow.pivot, records: claimed.records, direction: claimed.direction)
        if state.names.isEmpty, state.direction == .forward {
            do {
                let chosen = try await workflow.choice?(job, host)
                workflow = chosen.flatMap { workflows[$0] } ?? workflow
            } catch {
                try Task.checkCancellation()
                guard try await settle(Failure(naming: error), lease, 0, &state, claimed.attempt) else { return }
                return try await advance(&job, &state, workflow, attempt: claimed.attempt)
            }
            let begun = workflow
            try await write { try await journal.begin(lease, workflow: begun) }
            state.names = workflow.steps.map(\.name)
            state.pivot = workflow.pivot
        }
        if let failure = overdue(claimed, state, workflow) {
            guard state.direction == .forward else {
                return try await write { try await journal.stick(lease, step: nil, failure: failure) }
            }
            try await write { try await journal.unwind(lease, step: nil, failure: failure, deadline: settings.undoDeadline) }
            state.direction = .unwinding
        }
        try await advance(&job, &state, workflow, attempt: claimed.attempt)
    }

    /// A deadline or a cancellation that ends the way forward, or a deadline that ends the attempts to undo.
    private func overdue(_ claimed: ClaimedJob, _ state: JobState, _ workflow: Workflow) -> Failure? {
        switch state.direction {
        case .forward where !state.canUnwind: nil
        case .forward where claimed.cancelRequested: .cancelledOnRequest
        case .forward where claimed.deadlinePassed: late(claimed, state, workflow)
        case .unwinding where claimed.deadlinePassed:
            Failure(.needsOperator, .serviceError, "cannot clean up after a failure: an operator has been told")
        default: nil
        }
    }

    /// Names what was waited for. Only a step that itself waited may blame what it waits for.
    private func late(_ claimed: ClaimedJob, _ state: JobState, _ workflow: Workflow) -> Failure {
        let step = state.next.stepIndex.flatMap { workflow.step(named: state.names[$0]) }
        guard let reason = claimed.waitingFor else {
            return Failure(.permanent, .timeout, "cannot finish in time: still \(step?.title ?? "at work")")
        }
        let code = reason == Self.fenceReason ? .timeout : step?.lateCode ?? .timeout
        return Failure(.permanent, code, "cannot finish in time: still waiting for \(reason)")
    }

    /// What people read while another worker holds the server's fence.
    private static let fenceReason = "an earlier attempt on this server to let go"

    private func advance(_ job: inout Job, _ state: inout JobState, _ workflow: Workflow, attempt: Int) async throws {
        let lease = job.lease
        var attempt = attempt
        while true {
            try Task.checkCancellation()
            let action = state.next
            guard let index = action.stepIndex else {
                return try await write {
                    action == .succeed ? try await journal.succeed(lease) : try await journal.fail(lease)
                }
            }
            let name = state.names[index]
            guard let step = workflow.step(named: name) else {
                let gone = Failure(
                    .needsOperator, .serviceError, "cannot carry out the order: internal error",
                    detail: "workflow \(workflow.name) has no step \(name) any more")
                return try await write { try await journal.stick(lease, step: index, failure: gone) }
            }
            do {
                switch action {
                case .intend:
                    try probe(workflow.name, name, .beforeIntent)
                    let intent = try step.intent(job)
                    try await write { try await journal.intend(lease, step: index, name: name, intent: intent) }
                    state.records.append(StepRecord(name: name, state: .intended))
                    try probe(workflow.name, name, .afterIntent)
                case .perform:
                    let (progress, isCancelled) = try await attending(job, mayCancel: state.canUnwind) {
                        [fence, host, probe] job in
                        try await fence.guarding(job.server.guest, lease: lease) {
                            try probe(workflow.name, name, .insideFence)
                            return try await step.run(job, host)
                        }
                    }
                    try probe(workflow.name, name, .afterEffect)
                    // What is done is undone again, unless it is what there is no way back from.
                    if isCancelled, !progress.isDone || name != workflow.pivot { throw Failure.cancelledOnRequest }
                    switch progress {
                    case .waiting(let reason, let pause):
                        return try await write { try await journal.wait(lease, step: index, reason: reason, pause: pause) }
                    case .done(let output, let records):
                        state.records[index].state = .done
                        job.outputs[name] = output
                        let moves = Self.movesAway(records, from: host.id)
                        let next = moves ? nil : try nextIntent(job, state, workflow)
                        let percent = state.percent
                        try await write {
                            try await journal.complete(
                                lease, step: index, output: output, records: records, percent: percent, next: next)
                        }
                        attempt = 1
                        try probe(workflow.name, name, .afterDone)
                        if moves { return try await write { try await journal.handBack(lease) } }
                        if let next {
                            state.records.append(StepRecord(name: next.name, state: .intended))
                            try probe(workflow.name, next.name, .afterIntent)
                        }
                    }
                case .beginUndo:
                    try probe(workflow.name, name, .beforeUndo)
                    try await write { try await journal.beginUndo(lease, step: index) }
                    state.records[index].state = .undoing
                    // From now on it is the undo's age.
                    job.ages[step.name] = .zero
                    try probe(workflow.name, name, .afterUndoIntent)
                case .undo:
                    _ = try await attending(job, mayCancel: false) { [fence, host] job in
                        try await fence.guarding(job.server.guest, lease: lease) { try await step.undo(job, host) }
                    }
                    try probe(workflow.name, name, .afterUndoEffect)
                    try await write { try await journal.undone(lease, step: index) }
                    state.records[index].state = .undone
                    attempt = 1
                    try probe(workflow.name, name, .afterUndone)
                case .succeed, .fail: break
                }
            } catch let lost as LeaseLost {
                throw lost
            } catch let cancelled as CancellationError {
                throw cancelled
            } catch let unwritten as JournalUnreachable {
                throw unwritten
            } catch _ where Task.isCancelled {
                // A shutdown has interrupted the step: no failure of its own.
                throw CancellationError()
            } catch is FenceBusy {
                let pause = settings.fencePause
                return try await write {
                    try await journal.wait(lease, step: index, reason: Self.fenceReason, pause: pause)
                }
            } catch {
                guard try await settle(Failure(naming: error), lease, index, &state, attempt) else { return }
            }
        }
    }

    /// The intent that goes into the commit of the step before it. Nil when no step is left to begin.
    private func nextIntent(_ job: Job, _ state: JobState, _ workflow: Workflow) throws -> NextIntent? {
        guard case .intend(let index) = state.next, let step = workflow.step(named: state.names[index]) else { return nil }
        try probe(workflow.name, step.name, .beforeIntent)
        return NextIntent(step: index, name: step.name, intent: try step.intent(job))
    }

    private static func movesAway(_ records: [Record], from host: HostID) -> Bool {
        records.contains { if case .placed(let chosen) = $0 { chosen != host } else { false } }
    }

    /// Acts on a failed step. True when the job goes on at once, on its way back.
    private func settle(_ failure: Failure, _ lease: Lease, _ index: Int, _ state: inout JobState, _ attempt: Int) async throws
        -> Bool
    {
        let step = index < state.records.count ? index : nil
        switch Self.verdict(
            failure, direction: state.direction, canUnwind: state.canUnwind, attempt: attempt, limit: settings.attempts)
        {
        case .retryLater:
            try await write { try await journal.retryLater(lease, step: index, failure: failure) }
            return false
        case .stick:
            try await write { try await journal.stick(lease, step: step, failure: failure) }
            return false
        case .unwind:
            let deadline = settings.undoDeadline
            try await write { try await journal.unwind(lease, step: step, failure: failure, deadline: deadline) }
            if let step { state.records[step].state = .failed }
            state.direction = .unwinding
            return true
        }
    }

    package enum Verdict: Sendable { case retryLater, unwind, stick }

    /// What follows from a failure. Undoing is tried until its deadline, whatever the failure: what it holds must not be lost from sight.
    package static func verdict(
        _ failure: Failure, direction: JobState.Direction, canUnwind: Bool, attempt: Int, limit: Int
    ) -> Verdict {
        switch (direction, failure.kind) {
        case (.unwinding, .needsOperator): .stick
        case (.unwinding, _): .retryLater
        case (.forward, .temporary) where attempt < limit: .retryLater
        case (.forward, _): canUnwind ? .unwind : .stick
        }
    }

    /// Writes to the journal, again and again while PostgreSQL is away, until the lease may be over.
    private func write(_ body: () async throws -> Void) async throws {
        let start = ContinuousClock.now
        while true {
            do {
                return try await body()
            } catch let lost as LeaseLost {
                throw lost
            } catch let cancelled as CancellationError {
                throw cancelled
            } catch {
                guard ContinuousClock.now - start < settings.lease else { throw JournalUnreachable(cause: error) }
                try await Task.sleep(for: settings.writePause)
            }
        }
    }
}

/// PostgreSQL stayed away for a whole lease: the job is left as it stands, for whoever claims it next.
package struct JournalUnreachable: Error, Sendable, CustomStringConvertible {
    package let cause: any Error
    package var description: String { "cannot write to the database for a whole lease: \(cause)" }
}

extension JobState.Action {
    var stepIndex: Int? {
        switch self {
        case .intend(let index), .perform(let index), .beginUndo(let index), .undo(let index): index
        case .succeed, .fail: nil
        }
    }
}
