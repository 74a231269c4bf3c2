import HostalModel

/// Cuts the guest's power because its owner said so: nothing takes that back.
package struct PowerOffGuest: Step {
    package static let name: StepName = "power-off-guest"
    package static let title = "powering the guest off"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.stop(job.server.guest, server: job.server.id)
        return .done(Nothing(), records: [.power(.off)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
