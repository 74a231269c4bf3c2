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
        package var waits = 0
        package var isLeased = false
        package var isCancelled = false
        /// What the job has become when it began.
        package var workflow: WorkflowName?
        package var isLate = false
        /// What steps that were under way have reported.
        package var notes: [String] = []
        package var server: Server
    }

    /// What the database would know of the server.
    package struct Server: Sendable {
        package var spec: ServerSpec
        package var disks: [Int: ServerDisk] = [:]
        package var generation = 1
        package var lastGeneration = 1
        package var bootID: String?
        package var power = PowerState.on
        package var isDeleted = false
        package var resumesPower = false
    }

    /// What an order would have said.
    package struct Goal: Sendable {
        package var generation: Int?
        package var plan: Plan?
        package var options = JobOptions()
        package var secrets = JobSecrets()
        package var imageMade: ImageID?
        package init() {}
    }

    private let kept: Mutex<Kept>
    private let workflow: WorkflowName
    private let order: OrderID
    private let goal: Goal
    /// How old every step's intent is in each claim that did not write it.
    private let age: Duration
    /// How often a job may wait before its deadline has passed.
    private let waits: Int
    /// For a worker, which claims again and again: a job whose lease is held is not claimed, and the first answer is on its way for so long.
    private let firstAnswerTakes: Duration?

    package init(
        server: ServerSpec, workflow: WorkflowName, order: Int64 = 1, after: Server? = nil, goal: Goal = Goal(),
        age: Duration = .zero, waits: Int = .max, firstAnswerTakes: Duration? = nil
    ) {
        self.firstAnswerTakes = firstAnswerTakes
        var known = after ?? Server(spec: server)
        if let generation = goal.generation { known.lastGeneration = max(known.lastGeneration, generation) }
        var fresh = Kept(server: known)
        // Epochs are drawn from one sequence for all jobs.
        fresh.epoch = order * 1_000
        kept = Mutex(fresh)
        self.workflow = workflow
        self.order = OrderID(order)
        self.goal = goal
        self.age = age
        self.waits = waits
    }

    package var now: Kept { kept.withLock { $0 } }

    /// The job as a worker would get it: whatever an earlier run has left.
    package func claim(limit: Int) async throws -> [ClaimedJob] {
        let claimed = take()
        if let firstAnswerTakes, claimed.first?.job.lease.epoch == order.value * 1_000 + 1 {
            try await Task.sleep(for: firstAnswerTakes)
        }
        return claimed
    }

    private func take() -> [ClaimedJob] {
        kept.withLock { kept in
            guard kept.ended == nil, firstAnswerTakes == nil || !kept.isLeased else { return [] }
            kept.isLeased = true
            kept.epoch += 1
            kept.attempt += 1
            let server = kept.server
            let generation = goal.generation ?? server.generation
            // A server that is being made has a place once its first step is done.
            let isPlaced = workflow != "create-server" || kept.outputs[ReserveCapacity.name] != nil
            let job = Job(
                lease: Lease(job: JobID(order.value), epoch: kept.epoch), order: order, server: server.spec,
                generation: generation,
                plan: goal.plan, options: goal.options, secrets: goal.secrets, active: server.disks[server.generation],
                disk: server.disks[generation], pool: isPlaced ? Samples.pool : nil, imageMade: goal.imageMade,
                lastGeneration: server.lastGeneration,
                bootID: server.bootID, resumesPower: server.resumesPower, isDeleted: server.isDeleted,
                outputs: kept.outputs,
                ages: Dictionary(uniqueKeysWithValues: kept.records.map { ($0.name, age) }))
            return [
                ClaimedJob(
                    job: job, workflow: kept.workflow ?? workflow, stepNames: kept.names, records: kept.records,
                    direction: kept.direction,
                    host: nil,
                    attempt: kept.attempt,
                    deadlinePassed: kept.direction == .forward && (kept.isLate || kept.waits >= waits),
                    cancelRequested: kept.isCancelled,
                    waitingFor: kept.waitingFor)
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
        try change(lease) {
            $0.names = workflow.steps.map(\.name)
            $0.workflow = workflow.name
        }
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
            for record in records { $0.server.apply(record, goal) }
            $0.attempt = 1
            $0.waitingFor = nil
            if let next, $0.records.count == next.step { $0.records.append(StepRecord(name: next.name, state: .intended)) }
        }
    }
    package func attend(_ lease: Lease, waitingFor: String?) async throws -> Bool {
        try change(lease) { kept in
            guard let waitingFor else { return }
            kept.waitingFor = waitingFor
            kept.notes.append(waitingFor)
        }
        return now.isCancelled
    }
    /// As its owner does.
    package func cancel() { kept.withLock { $0.isCancelled = true } }
    package func passDeadline() { kept.withLock { $0.isLate = true } }
    package func wait(_ lease: Lease, step: Int, reason: String, pause: Duration) async throws {
        try change(lease) {
            $0.waitingFor = reason
            $0.waits += 1
            $0.attempt -= 1
        }
    }
    package func retryLater(_ lease: Lease, step: Int, failure: Failure) async throws {
        try change(lease) {
            // What a job that unwinds has failed for stays said.
            if $0.direction == .forward { $0.failure = failure }
            $0.waitingFor = nil
        }
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
    package func handBack(_ lease: Lease) async throws {
        try change(lease) {
            $0.attempt -= 1
            $0.isLeased = false
        }
    }
}

extension MemoryJournal.Server {
    fileprivate mutating func apply(_ record: Record, _ goal: MemoryJournal.Goal) {
        switch record {
        case .placed: break
        case .running(let report, let disk), .reinstalled(let report, let disk):
            disks[disk.generation] = disk
            generation = disk.generation
            booted(report)
        case .power(let now): power = now
        case .suspended(let before):
            resumesPower = resumesPower || before == .on
            power = .off
        case .resumed:
            resumesPower = false
            power = .on
        case .rebooted(let report): booted(report)
        case .broughtBack(let report):
            generation = goal.generation ?? generation
            booted(report)
        case .resized(let report):
            spec.plan = goal.plan ?? spec.plan
            if let report { booted(report) }
        case .imageMade: break
        case .flattened(let disk): disks[disk.generation] = disk
        case .purged: disks[goal.generation ?? 0] = nil
        case .deleted:
            disks = [:]
            isDeleted = true
        }
    }

    private mutating func booted(_ report: GuestReport) {
        bootID = report.bootID
        power = .on
    }
}

/// Lets everybody pass.
package struct OpenFence: HostFence {
    package init() {}
    package func guarding<T: Sendable>(_ guest: GuestID, lease: Lease, _ body: () async throws -> T) async throws -> T {
        try await body()
    }
}
