import HostalModel

/// Writes what the guest reads at its first boot: name, keys, addresses, the customer's user-data, and our report script.
package struct WriteSeed: Step {
    package static let name: StepName = "write-seed"
    package static let title = "writing the seed"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["instance_id": job.instanceID, "seed": "\(job.volume)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<StoredSeed> {
        guard let network = try await host.addresses.held(by: job.server.id) else {
            throw Failure(
                .needsOperator, .serviceError, "cannot write the server's seed: internal error",
                detail: "server \(job.server.id) has no addresses")
        }
        let contents = SeedContents(
            instanceID: job.instanceID, hostname: job.server.name, sshKeys: job.server.sshKeys, userData: job.userData,
            passwordHash: job.secrets.passwordHash, mac: job.server.mac, network: network)
        return .done(try await host.seeds.write(contents, for: job.volume))
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.seeds.remove(for: job.volume)
    }
}
