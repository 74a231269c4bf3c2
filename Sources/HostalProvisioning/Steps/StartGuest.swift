import HostalModel

/// Powers the guest on.
package struct StartGuest: Step {
    package static let name: StepName = "start-guest"
    package static let title = "starting the guest"

    package init() {}

    package func intent(for job: Job) throws -> [String: String] { ["uuid": "\(job.server.guest)"] }

    package func run(_ job: Job, on host: Host) async throws -> StepProgress<Nothing> {
        try await host.start(job, from: try job.bootDisk())
        return .done(Nothing())
    }

    package func undo(_ job: Job, on host: Host) async throws {
        try await host.hypervisor.stop(job.server.guest, server: job.server.id)
    }
}

extension Host {
    /// Powers the guest on once its QEMU can open the disk.
    func start(_ job: Job, from disk: ServerDisk?) async throws {
        try await publish(disk)
        // As it is now: an operator may have changed it since the guest was defined.
        if let disk, let secret = try await pools.store(of: disk.volume.pool).secret(of: job.server.guest) {
            try await hypervisor.keep(secret)
        }
        try await hypervisor.start(job.server.guest, server: job.server.id)
    }

    func publish(_ disk: ServerDisk?) async throws {
        if let disk { try await pools.store(of: disk.volume.pool).publish(disk.volume) }
    }
}
