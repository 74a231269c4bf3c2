package import HostalModel

/// Gives the server an IPv4 and an IPv6 address that nobody else has.
package struct AssignAddresses: Step {
    package static let name: StepName = "assign-addresses"
    package static let title = "assigning addresses"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["server": "\(job.server.id)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<AddressAssignment> {
        .done(try await host.addresses.assign(to: job.server.id, on: host.id, lease: job.lease))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.addresses.release(from: job.server.id, lease: job.lease)
    }
}
