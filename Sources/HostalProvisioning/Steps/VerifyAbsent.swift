import HostalModel

/// Reads the host again and proves that nothing of the server is left on it; what is found sends an operator.
package struct VerifyAbsent: Step {
    package static let name: StepName = "verify-absent"
    package static let title = "checking that nothing is left"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)", "tap": job.names.tap] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        var found: [String] = []
        found += try await host.hypervisor.remains(of: job.server.guest)
        found += try await host.network.remains(of: job.names.tap)
        let keepsDisks = try job.output(of: RemoveVolume.self).keptFor != nil
        for pool in job.pools where !keepsDisks { found += try await host.pools.store(of: pool).remains(of: job.server.guest) }
        found += try await host.seeds.remains(of: job.server.guest)
        guard found.isEmpty else {
            throw Failure(
                .temporary, .serviceError, "cannot finish the deletion: something of the server is still there",
                detail: "left on the host: \(found.joined(separator: ", "))")
        }
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
