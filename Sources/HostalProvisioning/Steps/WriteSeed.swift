import HostalModel

/// Writes what the guest reads at its first boot: name, keys, addresses, the customer's user-data, and our report script.
package struct WriteSeed: Step {
    package static let name: StepName = "write-seed"
    package static let title = "writing the seed"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<StoredSeed> {
        let contents = SeedContents(
            instanceID: job.instanceID, hostname: job.server.name, sshKeys: job.server.sshKeys, userData: job.server.userData,
            mac: job.server.mac, network: try job.output(of: AssignAddresses.self))
        return .done(try await host.seeds.write(contents, for: job.server.guest))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.seeds.remove(for: job.server.guest)
    }
}
