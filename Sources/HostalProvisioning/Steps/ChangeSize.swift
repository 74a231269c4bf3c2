import HostalModel

/// Defines the guest with the job's plan. Undo defines it with the present one.
package struct ChangeSize: Step {
    package static let name: StepName = "change-size"
    package static let title = "changing the size"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "from": job.server.plan.name, "to": job.plan.name]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.define(job, plan: job.plan, disk: try job.activeDisk())
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.define(job, plan: job.server.plan, disk: try job.activeDisk())
    }
}
