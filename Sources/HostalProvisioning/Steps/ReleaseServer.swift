import HostalModel

/// Gives addresses (into quarantine) and room back, but for the room of disks that are kept. Only once the host is proven clean: until then nobody else may have them.
package struct ReleaseServer: Step {
    package static let name: StepName = "release-server"
    package static let title = "releasing addresses and room"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["server": "\(job.server.id)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.addresses.release(from: job.server.id, lease: job.lease)
        if let kept = try job.output(of: RemoveVolume.self).keptFor {
            try await host.capacity.releaseAllButDisks(of: job.server.id, lease: job.lease)
            return .done(Nothing(), records: [.deleted(disksKeptFor: .seconds(kept))])
        }
        try await host.capacity.release(for: job.server.id, lease: job.lease)
        return .done(Nothing(), records: [.deleted(disksKeptFor: nil)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
