import HostalModel

/// Sees that a server on hold has no power, and notes whether it had some. Nothing takes that back but the end of its holds.
package struct SuspendGuest: Step {
    package static let name: StepName = "suspend-guest"
    package static let title = "powering the guest off for a hold"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.stop(job.server.guest, server: job.server.id)
        return .done(Nothing(), records: [.suspended(before: try job.output(of: LookAtGuest.self).power)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
