import HostalModel

/// Powers a guest off again that was off before the job, once it has answered. Behind the pivot: nothing undoes it, and it goes on until it is
/// so. A guest that does not shut down within `patience` loses its power.
package struct RestorePower: Step {
    package static let name: StepName = "restore-power"
    package static let title = "leaving the power as it was"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    let patience: Duration

    package init(patience: Duration) { self.patience = patience }

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard try job.output(of: LookAtGuest.self).power == .off else { return .done(Nothing()) }
        if try await host.isShutDown(job, since: job.age(of: Self.self), patience: patience) {
            return .done(Nothing(), records: [.power(.off)])
        }
        return .waitingForShutdown(patience: patience)
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
