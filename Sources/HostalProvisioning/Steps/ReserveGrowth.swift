import HostalModel

/// Gives the server the room that it lacks for the job's plan, and for the job's disk to be as large as that plan's.
package struct ReserveGrowth: Step {
    package static let name: StepName = "reserve-growth"
    package static let title = "finding room"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["server": "\(job.server.id)", "role": "\(RoomRole.growth)", "plan": job.plan.name]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        let now = job.server.plan
        let disk = job.disk?.volume.size ?? now.disk.bytes
        let lacking = Room(
            vcpus: max(0, job.plan.vcpus - now.vcpus), memory: Mebibytes(max(0, job.plan.memory.count - now.memory.count)),
            disk: Gibibytes(max(0, Int((job.plan.disk.bytes - disk) >> 30))))
        if lacking != Room() {
            try await host.capacity.reserve(lacking, as: .growth, for: job.server.id, on: host.id, lease: job.lease)
        }
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.capacity.release(.growth, of: job.server.id, lease: job.lease)
    }
}
