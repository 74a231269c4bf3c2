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
        try await host.hypervisor.define(
            GuestDefinition(
                names: GuestNamesRecord(job.names), vcpus: job.server.plan.vcpus, memory: job.server.plan.memory,
                root: try job.output(of: CloneVolume.self), seedPath: try job.output(of: WriteSeed.self).path,
                mac: job.server.mac,
                bridge: try job.output(of: AssignAddresses.self).bridge, tap: job.names.tap, order: job.order,
                epoch: job.lease.epoch))
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.hypervisor.undefine(job.server.guest, server: job.server.id)
        try await host.hypervisor.discardReports(of: job.server.guest)
    }
}
