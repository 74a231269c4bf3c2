import HostalModel

/// Gives a guest that runs the memory of the job's plan. Undo is `DefineLarger`'s.
package struct AddMemory: Step {
    package static let name: StepName = "add-memory"
    package static let title = "adding memory"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "memory": "\(job.plan.memory)"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.add(
            upTo: GuestSize(vcpus: job.server.plan.vcpus, memory: job.plan.memory), to: job.server.guest, server: job.server.id)
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
