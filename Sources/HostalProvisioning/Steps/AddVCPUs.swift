import HostalModel

/// The pivot of a growth: the guest has the vCPUs of the job's plan, and with them all of it. Last, because there is no way to take them back
/// while it runs. Undo is `DefineLarger`'s.
package struct AddVCPUs: Step {
    package static let name: StepName = "add-vcpus"
    package static let title = "adding vCPUs"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] {
        ["uuid": "\(job.server.guest)", "vcpus": "\(job.plan.vcpus)"]
    }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.hypervisor.add(upTo: GuestSize(job.plan), to: job.server.guest, server: job.server.id)
        return .done(Nothing(), records: [.resized(nil)])
    }

    package func undo(_ job: Job, on host: Host) async throws {}
}
