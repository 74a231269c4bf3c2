import HostalModel

/// Has libvirt forget the guest, with its report channel.
package struct UndefineGuest: Step {
    package static let name: StepName = "undefine-guest"
    package static let title = "removing the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)", "domain": job.names.domain] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.undefine(job.server.guest, server: job.server.id)
        try await host.hypervisor.discardReports(of: job.server.guest)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
