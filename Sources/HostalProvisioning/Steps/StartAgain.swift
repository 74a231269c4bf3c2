import HostalModel

/// Powers the guest on if it had power before the job.
package struct StartAgain: Step {
    package static let name: StepName = "start-again"
    package static let title = "starting the guest again"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        if try job.output(of: LookAtGuest.self).power == .on {
            try await host.start(job, from: try job.bootDisk())
        }
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.hypervisor.stop(job.server.guest, server: job.server.id)
    }
}
