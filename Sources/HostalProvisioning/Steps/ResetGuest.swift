import HostalModel

/// Presses the guest's reset button. Done when it is pressed: what the guest makes of it is its owner's to see.
package struct ResetGuest: Step {
    package static let name: StepName = "reset-guest"
    package static let title = "resetting the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.publish(job.active)
        try await host.hypervisor.reset(job.server.guest, server: job.server.id)
        return .done(Nothing(), records: [.power(.on)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
