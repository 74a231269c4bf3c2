import HostalModel

/// Gives a server the power back that it had before its holds. One that had none stays off, and so does one that is on hold again.
package struct ResumeGuest: Step {
    package static let name: StepName = "resume-guest"
    package static let title = "giving the guest its power back"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        guard job.resumesPower else { return .done(Nothing()) }
        try await host.start(job, from: job.active)
        return .done(Nothing(), records: [.resumed])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
