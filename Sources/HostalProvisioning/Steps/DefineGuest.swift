import HostalModel

/// Makes the guest known to libvirt.
package struct DefineGuest: Step {
    package static let name: StepName = "define-guest"
    package static let title = "defining the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "domain": job.names.domain]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.define(job, plan: job.server.plan, disk: try job.bootDisk())
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.hypervisor.undefine(job.server.guest, server: job.server.id)
        try await host.hypervisor.discardReports(of: job.server.guest)
    }
}
