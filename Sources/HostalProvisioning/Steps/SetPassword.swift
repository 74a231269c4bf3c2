import HostalModel

/// Has the guest's agent set root's password. An agent that does not answer may be starting: it gets `patience`. The hash stands in no intent
/// and no output.
package struct SetPassword: Step {
    package static let name: StepName = "set-password"
    package static let title = "setting the password"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    static let pause = Duration.seconds(2)

    let patience: Duration

    package init(patience: Duration) { self.patience = patience }

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)", "user": "root"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard let hash = job.secrets.passwordHash else {
            throw Failure(
                .permanent, .serviceError, "cannot set the password: internal error", detail: "the order's secrets are gone")
        }
        if try await host.hypervisor.setPassword(hash, of: job.server.guest, server: job.server.id) { return .done(Nothing()) }
        guard job.age(of: Self.self) < patience else {
            throw Failure(
                .permanent, .guestDidNotAnswer,
                "cannot set the password: no guest agent has answered within \(patience.components.seconds) s; reboot the server if its system has just started, start qemu-guest-agent in it, or reinstall it"
            )
        }
        return .waiting(for: "the guest's agent to answer", checkAgainIn: min(patience, Self.pause))
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
