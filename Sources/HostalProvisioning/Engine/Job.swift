package import HostalModel

/// The right to act for a job: until it ends, and as long as no newer epoch exists.
package struct Lease: Hashable, Sendable {
    package let job: JobID
    /// Drawn from one sequence for all jobs at each claim, so that of two workers that ever acted on one server the later has the greater.
    package let epoch: Int64

    package init(job: JobID, epoch: Int64) {
        self.job = job
        self.epoch = epoch
    }
}

/// The lease is over or somebody else's: the worker must not write anything for this job any more, in the database or on the host.
package struct LeaseLost: Error, Sendable, CustomStringConvertible {
    package let lease: Lease
    package init(_ lease: Lease) { self.lease = lease }
    package var description: String { "lease \(lease.epoch) of job \(lease.job) is lost" }
}

/// A durable run of a workflow, as its steps see it.
package struct Job: Sendable {
    package var lease: Lease
    package var order: OrderID
    package var server: ServerSpec
    /// The disk that the server has or is getting: 1 for its first.
    package var generation: Int
    /// JSON of each done step, by name.
    package var outputs: [StepName: JSONText]

    package init(lease: Lease, order: OrderID, server: ServerSpec, generation: Int, outputs: [StepName: JSONText]) {
        self.lease = lease
        self.order = order
        self.server = server
        self.generation = generation
        self.outputs = outputs
    }

    package var id: JobID { lease.job }
    package var names: GuestNames { GuestNames(server: server.id, guest: server.guest) }
    package var volume: VolumeName { VolumeName(guest: server.guest, generation: generation) }
    /// New for every order that seeds the guest, so that cloud-init runs again and an older boot's report is never taken for this one's.
    package var instanceID: String { "\(server.guest)-\(order)" }

    /// What an earlier step of this job has left. Throws `needsOperator` when that step is not done: the workflow's order is wrong.
    package func output<S: Step>(of step: S.Type) throws -> S.Output {
        guard let text = outputs[S.name] else {
            throw Failure(
                .needsOperator, .serviceError, "cannot go on: internal error", detail: "step \(S.name) has no output in job \(id)"
            )
        }
        return try text.decode(S.Output.self)
    }
}
