import HostalModel

/// Destroys the server's disk. It cannot be undone, so it follows everything that could still refuse.
package struct RemoveVolume: Step {
    package static let name: StepName = "remove-volume"
    package static let title = "removing the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(job.volume)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.volumes.remove(job.volume)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
