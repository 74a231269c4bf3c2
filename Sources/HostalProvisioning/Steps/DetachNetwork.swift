import HostalModel

/// Takes the guest off the network.
package struct DetachNetwork: Step {
    package static let name: StepName = "detach-network"
    package static let title = "detaching the network"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["tap": job.names.tap] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.network.detach(tap: job.names.tap)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
