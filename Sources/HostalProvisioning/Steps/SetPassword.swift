import HostalModel

/// Has the guest's agent set root's password. The hash stands in no intent and no output.
package struct SetPassword: Step {
    package static let name: StepName = "set-password"
    package static let title = "setting the password"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)", "user": "root"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard let hash = job.secrets.passwordHash else {
            throw Failure(
                .permanent, .serviceError, "cannot set the password: internal error", detail: "the order's secrets are gone")
        }
        try await host.hypervisor.setPassword(hash, of: job.server.guest, server: job.server.id)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
