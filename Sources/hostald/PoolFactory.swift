import HostalConfiguration
import HostalModel
import HostalProvisioning
import HostalStorage

/// The adapter of each kind of pool, on this host.
struct PoolFactory: Sendable {
    var settings: HostSettings

    func store(of pool: Pool) throws -> any VolumeStore {
        let places = Assembly.Places(settings.stateDirectory)
        switch pool.kind {
        case .local:
            let local = try LocalPoolSettings(of: pool)
            return LocalVolumes(
                name: pool.name,
                pool: PoolDirectory(try Assembly.directory(local.directory ?? places.volumes), id: pool.name.text),
                images: try Assembly.directory(places.images),
                cloning: local.cloning ?? (settings.fullCopies ? .fullCopy : .overlay), sandbox: settings.toolSandbox)
        case .nfs, .iscsi, .rbd:
            throw Failure(
                .temporary, .serviceError, "cannot reach the disk pool: its storage is not available",
                detail: "this release has no adapter for pools of kind \(pool.kind.rawValue)")
        }
    }
}
