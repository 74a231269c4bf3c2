package import HostalModel

/// Gives the server its own disk: a clone of the image's, grown to the plan's size.
package struct CloneVolume: Step {
    package static let name: StepName = "clone-volume"
    package static let title = "cloning the disk"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["volume": "\(job.volume)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Volume> {
        let image = try job.output(of: FetchImage.self)
        let store = try await host.pools.store(of: try job.placedPool())
        return .done(try await store.clone(image, to: job.volume, size: job.server.plan.disk, report: job.report))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        // A server without a place has no disk.
        guard let pool = try? job.placedPool() else { return }
        try await host.pools.store(of: pool).remove(job.volume)
    }
}
