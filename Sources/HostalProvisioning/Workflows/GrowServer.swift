import HostalModel

extension Workflow {
    /// A resize of a server that runs on: every part of the new plan is as large as the old one's or larger, and the guest was started with
    /// room for it. A job for `resize-server` becomes one of these when it begins.
    package static func growServer(_ settings: ManageSettings = ManageSettings()) -> Workflow {
        Workflow(
            name: "grow-server", version: 1,
            steps: [
                AnyStep(ReserveGrowth()), AnyStep(DefineLarger(patience: settings.patience)), AnyStep(GrowRunningDisk()),
                AnyStep(AddMemory()), AnyStep(AddVCPUs()),
            ],
            pivot: AddVCPUs.name, deadline: settings.deadline)
    }

    /// Whether a resize can be done without a restart.
    static func canGrow(_ job: Job, _ host: Host) async throws -> Bool {
        let (now, then) = (job.server.plan, job.plan)
        if now.disk < then.disk {
            let pool = try job.activeDisk().volume.pool
            guard try await host.pools.store(of: pool).growsWhileRunning else { return false }
        }
        guard GuestSize(now).fits(in: GuestSize(then)), now.disk <= then.disk,
            let room = try await host.hypervisor.room(of: job.server.guest)
        else { return false }
        return room.now == GuestSize(now) && room.holds(GuestSize(then))
    }
}
