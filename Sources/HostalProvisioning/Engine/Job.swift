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

/// A durable run of a workflow, as its steps see it: what it is to make true, and what the server is now. Read afresh with each claim.
package struct Job: Sendable {
    package var lease: Lease
    package var order: OrderID
    package var server: ServerSpec
    /// The disk that the job is about, the server's own unless it says otherwise: 1 for its first.
    package var generation: Int
    /// The plan that the server is to have; its present one unless it is resized.
    package var plan: Plan
    package var options: JobOptions
    package var secrets: JobSecrets
    /// What the server runs from now; nil before its guest has answered for the first time.
    package var active: ServerDisk?
    /// The disk of `generation`, once a guest has answered from it.
    package var disk: ServerDisk?
    /// Where the server's disks lie; nil before it was placed, and in the claim that places it.
    package var pool: PoolName?
    /// What the order is to make of the server's disk; nil for orders that make none.
    package var imageMade: ImageID?
    /// The greatest generation that any disk of the server ever had.
    package var lastGeneration: Int
    /// Of the guest's last boot that was recorded.
    package var bootID: String?
    /// Nothing is left of the server but, maybe, disks.
    package var isDeleted: Bool
    /// Its holds took the server's power, and none stands any more.
    package var resumesPower: Bool
    /// JSON of each done step, by name.
    package var outputs: [StepName: JSONText]
    /// How long ago each step's intent was written, or its undoing begun, by the database's clock, when the job was claimed.
    package var ages: [StepName: Duration]
    /// Tells people how far a long step is, in words that follow "waiting for": `the copy of the disk, 45 % done`. As often as one likes: only
    /// the newest is written down, at most once in each `EngineSettings.attendPause`. Nothing secret, and no path.
    package var report: @Sendable (String) -> Void = { _ in }

    package init(
        lease: Lease, order: OrderID, server: ServerSpec, generation: Int, plan: Plan? = nil, options: JobOptions = JobOptions(),
        secrets: JobSecrets = JobSecrets(), active: ServerDisk? = nil, disk: ServerDisk? = nil, pool: PoolName? = nil,
        imageMade: ImageID? = nil, lastGeneration: Int? = nil, bootID: String? = nil, resumesPower: Bool = false,
        isDeleted: Bool = false,
        outputs: [StepName: JSONText],
        ages: [StepName: Duration] = [:]
    ) {
        self.lease = lease
        self.order = order
        self.server = server
        self.generation = generation
        self.plan = plan ?? server.plan
        self.options = options
        self.secrets = secrets
        self.active = active
        self.disk = disk
        self.pool = pool
        self.imageMade = imageMade
        self.lastGeneration = lastGeneration ?? generation
        self.bootID = bootID
        self.resumesPower = resumesPower
        self.isDeleted = isDeleted
        self.outputs = outputs
        self.ages = ages
    }

    package var id: JobID { lease.job }
    package var names: GuestNames { GuestNames(server: server.id, guest: server.guest) }
    package var volume: VolumeName { VolumeName(guest: server.guest, generation: generation) }
    /// What reports of a guest on this job's disk carry. New for every order that seeds the guest, so that cloud-init runs again and an older
    /// boot's report is never taken for this one's.
    package var instanceID: String { disk?.instanceID ?? "\(server.guest)-\(order)" }

    /// The cloud-init document for a new seed.
    package var userData: String? {
        switch options.userData {
        case .keep: server.userData
        case .drop: nil
        case .replace: secrets.userData
        }
    }

    /// Zero in the claim that writes the step's intent.
    package func age(of step: (some Step).Type) -> Duration { ages[step.name] ?? .zero }

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
