import HostalModel

/// Cuts the guest's power. No way back: it opens a deletion.
package struct StopGuest: Step {
    package static let name: StepName = "stop-guest"
    package static let title = "stopping the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.stop(job.server.guest, server: job.server.id)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
