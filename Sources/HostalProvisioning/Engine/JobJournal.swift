package import HostalModel

/// A job with everything that the runner needs, fresh from a claim.
package struct ClaimedJob: Sendable {
    package var job: Job
    package var workflow: WorkflowName
    /// Empty before the first claim: then the workflow's own list is written down.
    package var stepNames: [StepName]
    package var records: [StepRecord]
    package var direction: JobState.Direction
    /// Nil until a host is chosen.
    package var host: HostID?
    /// Claims since the last step that was done, this one included.
    package var attempt: Int
    package var deadlinePassed: Bool
    package var cancelRequested: Bool
    package var waitingFor: String?

    package init(
        job: Job, workflow: WorkflowName, stepNames: [StepName], records: [StepRecord], direction: JobState.Direction,
        host: HostID?,
        attempt: Int, deadlinePassed: Bool, cancelRequested: Bool, waitingFor: String?
    ) {
        self.job = job
        self.workflow = workflow
        self.stepNames = stepNames
        self.records = records
        self.direction = direction
        self.host = host
        self.attempt = attempt
        self.deadlinePassed = deadlinePassed
        self.cancelRequested = cancelRequested
        self.waitingFor = waitingFor
    }
}

/// What the step that follows will use: its place, its name, and every name that its effect will use.
package struct NextIntent: Sendable, Equatable {
    package var step: Int
    package var name: StepName
    package var intent: [String: String]

    package init(step: Int, name: StepName, intent: [String: String]) {
        self.step = step
        self.name = name
        self.intent = intent
    }
}

/// Where jobs live. Each call is one commit. Every write but `claim` and `renew` throws `LeaseLost`, and changes nothing, unless the
/// lease is still this worker's and has not run out; each may be repeated when its outcome is unknown. Safe from many tasks at once.
package protocol JobJournal: Sendable {
    /// Takes at most `limit` due jobs of this host, or of none yet. The time before each may be claimed again is written with the claim, so
    /// that a step that kills its worker backs off as well. A job whose rows cannot be read is made stuck, and keeps no other from running.
    func claim(limit: Int) async throws -> [ClaimedJob]
    /// Renews leases; those that are lost are missing from the answer.
    func renew(_ leases: [Lease]) async throws -> Set<Lease>
    func begin(_ lease: Lease, workflow: Workflow) async throws
    func intend(_ lease: Lease, step: Int, name: StepName, intent: [String: String]) async throws
    /// The step is done, and the next one's intent is written: one commit, for nothing happens between the two.
    func complete(
        _ lease: Lease, step: Int, output: JSONText, records: [Record], percent: Int, next: NextIntent?) async throws
    /// For a step that is under way: writes down what it says people wait for, unless nil, and tells whether the order has been cancelled.
    func attend(_ lease: Lease, waitingFor: String?) async throws -> Bool
    /// Gives the job back until `pause` has passed. Costs no attempt.
    func wait(_ lease: Lease, step: Int, reason: String, pause: Duration) async throws
    /// Gives the job back until the back-off that the claim has set.
    func retryLater(_ lease: Lease, step: Int, failure: Failure) async throws
    func unwind(_ lease: Lease, step: Int?, failure: Failure, deadline: Duration) async throws
    func beginUndo(_ lease: Lease, step: Int) async throws
    func undone(_ lease: Lease, step: Int) async throws
    func succeed(_ lease: Lease) async throws
    /// Ends an unwound job: its order has failed and its server, if it was being created, is no more.
    func fail(_ lease: Lease) async throws
    /// Operators must look; what the job holds stays reserved.
    func stick(_ lease: Lease, step: Int?, failure: Failure) async throws
    /// Gives the job back at once, for the worker of the host that it belongs to now, or at a shutdown.
    func handBack(_ lease: Lease) async throws
}

/// Keeps two workers on one host from acting on one server at the same time, and a worker whose lease is lost from acting at all.
package protocol HostFence: Sendable {
    /// Runs `body` alone on this host for this guest. Throws `LeaseLost` when a newer epoch has acted on the guest before, and `FenceBusy`
    /// when somebody is acting on it now: an earlier worker that was stopped, or one whose call has not returned.
    func guarding<T: Sendable>(_ guest: GuestID, lease: Lease, _ body: () async throws -> T) async throws -> T
}

package struct FenceBusy: Error, Sendable {
    package init() {}
}
