import HostalModel

/// Powers the guest on because its owner said so: nothing takes that back.
package struct PowerOnGuest: Step {
    package static let name: StepName = "power-on-guest"
    package static let title = "powering the guest on"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.start(job, from: job.active)
        return .done(Nothing(), records: [.power(.on)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
