import HostalModel

/// Defines the guest with a disk that needs no image: true of its next start. From here on the image may go, as far as this disk is concerned.
package struct DefineFlat: Step {
    package static let name: StepName = "define-flat"
    package static let title = "defining the guest without the image"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        var disk = try job.activeDisk()
        disk.volume = try job.output(of: FlattenDisk.self)
        try await host.define(job, plan: job.server.plan, disk: disk)
        return .done(Nothing(), records: [.flattened(disk)])
    }

    /// A definition that names the image or does not reads the same from this disk.
    package func undo(_ job: Job, on host: Host) async throws {}
}
