package import HostalModel

/// What the guest was before the job changed anything. Written down first, so that a resumed worker does not take its own work for it.
package struct GuestBefore: Hashable, Sendable, Codable {
    package var power: PowerState
    /// Of the last boot that is known of the disk that the job will boot; nil when there is none.
    package var bootID: String?

    package init(power: PowerState, bootID: String?) {
        self.power = power
        self.bootID = bootID
    }
}

/// Notes whether the guest has power and which boot it reported last.
package struct LookAtGuest: Step {
    package static let name: StepName = "look-at-guest"
    package static let title = "looking at the server"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<GuestBefore> {
        let power: PowerState = try await host.hypervisor.state(of: job.server.guest) == .active ? .on : .off
        let reported = try await host.hypervisor.report(of: job.server.guest, instanceID: job.instanceID)?.bootID
        let recorded = job.generation == job.active?.generation ? job.bootID : nil
        return .done(GuestBefore(power: power, bootID: reported ?? recorded))
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
