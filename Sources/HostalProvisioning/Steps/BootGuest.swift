import HostalModel

/// Powers the guest on again. A reboot that fails later leaves it on: that is what its owner wants.
package struct BootGuest: Step {
    package static let name: StepName = "boot-guest"
    package static let title = "booting the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.start(job, from: job.active)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
