import HostalModel

/// Destroys the seeds of all of the server's disks, and the keys and user-data in them.
package struct RemoveSeed: Step {
    package static let name: StepName = "remove-seed"
    package static let title = "removing the seed"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.seeds.removeAll(of: job.server.guest)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
