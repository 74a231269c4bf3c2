import HostalModel

/// Lets the guest's frames pass, and only with its own addresses, before its tap exists.
package struct AttachNetwork: Step {
    package static let name: StepName = "attach-network"
    package static let title = "attaching the network"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["tap": job.names.tap, "mac": "\(job.server.mac)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        let assignment = try job.output(of: AssignAddresses.self)
        try await host.network.attach(
            GuestInterface(
                tap: job.names.tap, mac: job.server.mac, bridge: assignment.bridge, addresses: assignment.addresses.map(\.ip)))
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.network.detach(tap: job.names.tap)
    }
}
