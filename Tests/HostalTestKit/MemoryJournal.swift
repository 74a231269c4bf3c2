package import HostalModel
package import HostalProvisioning
import Synchronization

/// One job's journal in memory, for tests of the runner alone. It keeps what PostgreSQL would, and counts attempts in the same way.
package final class MemoryJournal: JobJournal, Sendable {
    package struct Kept: Sendable {
        package var names: [StepName] = []
        package var records: [StepRecord] = []
        package var outputs: [StepName: JSONText] = [:]
        package var direction = JobState.Direction.forward
        package var failure: Failure?
        package var ended: String?
        package var waitingFor: String?
        package var attempt = 0
        package var written: [Record] = []
        package var epoch: Int64 = 0
    }
    private let kept = Mutex(Kept())
    private let server: ServerSpec
    private let workflow: WorkflowName

    package init(server: ServerSpec, workflow: WorkflowName) {
        self.server = server
        self.workflow = workflow
    }

    package var now: Kept { kept.withLock { $0 } }

    /// The job as a worker would get it: whatever an earlier run has left.
    package func claim(limit: Int) async throws -> [ClaimedJob] {
        kept.withLock { kept in
            guard kept.ended == nil else { return [] }
            kept.epoch += 1
            kept.attempt += 1
            let job = Job(
                lease: Lease(job: JobID(1), epoch: kept.epoch), order: OrderID(1), server: server, generation: 1,
                outputs: kept.outputs)
            return [
                ClaimedJob(
                    job: job, workflow: workflow, stepNames: kept.names, records: kept.records, direction: kept.direction,
                    host: nil,
                    attempt: kept.attempt, deadlinePassed: false, cancelRequested: false, waitingFor: kept.waitingFor)
            ]
        }
    }
    package func renew(_ leases: [Lease]) async throws -> Set<Lease> { Set(leases) }

    private func change(_ lease: Lease, _ body: (inout Kept) -> Void) throws {
        try kept.withLock { kept in
            guard kept.epoch == lease.epoch, kept.ended == nil else { throw LeaseLost(lease) }
            body(&kept)
        }
    }
    package func begin(_ lease: Lease, workflow: Workflow) async throws {
        try change(lease) { $0.names = workflow.steps.map(\.name) }
    }
    package func intend(_ lease: Lease, step: Int, name: StepName, intent: [String: String]) async throws {
        try change(lease) { if $0.records.count == step { $0.records.append(StepRecord(name: name, state: .intended)) } }
    }
    package func complete(
        _ lease: Lease, step: Int, output: JSONText, records: [Record], percent: Int, next: NextIntent?
    ) async throws {
        try change(lease) {
            $0.records[step].state = .done
            $0.outputs[$0.records[step].name] = output
            $0.written += records
            $0.attempt = 1
            $0.waitingFor = nil
            if let next, $0.records.count == next.step { $0.records.append(StepRecord(name: next.name, state: .intended)) }
        }
    }
    package func wait(_ lease: Lease, step: Int, reason: String, pause: Duration) async throws {
        try change(lease) {
            $0.waitingFor = reason
            $0.attempt -= 1
        }
    }
    package func retryLater(_ lease: Lease, step: Int, failure: Failure) async throws {
        try change(lease) { $0.failure = failure }
    }
    package func unwind(_ lease: Lease, step: Int?, failure: Failure, deadline: Duration) async throws {
        try change(lease) {
            if let step { $0.records[step].state = .failed }
            $0.direction = .unwinding
            $0.failure = failure
        }
    }
    package func beginUndo(_ lease: Lease, step: Int) async throws { try change(lease) { $0.records[step].state = .undoing } }
    package func undone(_ lease: Lease, step: Int) async throws { try change(lease) { $0.records[step].state = .undone } }
    package func succeed(_ lease: Lease) async throws { try change(lease) { $0.ended = "succeeded" } }
    package func fail(_ lease: Lease) async throws { try change(lease) { $0.ended = "failed" } }
    package func stick(_ lease: Lease, step: Int?, failure: Failure) async throws {
        try change(lease) {
            $0.ended = "stuck"
            $0.failure = failure
        }
    }
    package func handBack(_ lease: Lease) async throws { try change(lease) { $0.attempt -= 1 } }
}

/// Lets everybody pass.
package struct OpenFence: HostFence {
    package init() {}
    package func guarding<T: Sendable>(_ guest: GuestID, lease: Lease, _ body: () async throws -> T) async throws -> T {
        try await body()
    }
}
