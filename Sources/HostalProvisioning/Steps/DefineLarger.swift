import HostalModel

/// Defines a guest that runs with the job's plan: true of its next start, whatever becomes of this run. Undo defines it with the present plan;
/// a guest that has been given more by then is restarted, because nothing can safely be taken from one that runs.
package struct DefineLarger: Step {
    package static let name: StepName = "define-larger"
    package static let title = "defining the larger size"

    let patience: Duration

    package init(patience: Duration) { self.patience = patience }

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "from": job.server.plan.name, "to": job.plan.name]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.define(job, plan: job.plan, disk: try job.activeDisk())
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.define(job, plan: job.server.plan, disk: try job.activeDisk())
        if let room = try await host.hypervisor.room(of: job.server.guest), room.now.fits(in: GuestSize(job.server.plan)) {
            return
        }
        guard try await host.isShutDown(job, since: job.age(of: Self.self), patience: patience) else {
            throw Failure(
                .temporary, .guestDidNotAnswer, "cannot give the server its earlier size back yet: its system has not shut down")
        }
        // It ran when the job began.
        try await host.start(job, from: job.active)
    }
}
