import HostalModel

/// Waits for the agent of a guest that the copy of its disk may have left frozen. Nothing to do where it answered meanwhile.
package struct ThawGuest: Step {
    package static let name: StepName = "thaw-guest"
    package static let title = "letting the server write again"
    package static let lateCode = Failure.Code.guestDidNotAnswer

    private static let pause = Duration.seconds(5)
    /// Then somebody has to reset it, for which the order must be over.
    private static let patience = Duration.seconds(600)

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard try job.output(of: CopyDisk.self).mayBeFrozen else { return .done(Nothing()) }
        if try await host.hypervisor.thaw(job.server.guest, server: job.server.id) { return .done(Nothing()) }
        guard job.age(of: Self.self) < Self.patience else {
            throw Failure(
                .permanent, .guestDidNotAnswer,
                "cannot copy the disk: the guest's agent has not answered that its file systems write again; reset the server if it hangs"
            )
        }
        return .waiting(for: "the guest's agent to let its file systems write again", checkAgainIn: Self.pause)
    }

    /// The copy's thaws.
    package func undo(_ job: Job, on host: Host) async throws {}
}
