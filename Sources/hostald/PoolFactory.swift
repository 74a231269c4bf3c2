import HostalConfiguration
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem

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
                cloning: local.cloning ?? (settings.fullCopies ? .fullCopy : .overlay), format: local.format ?? .qcow2,
                sandbox: settings.toolSandbox)
        case .nfs: return try nfs(pool, images: Assembly.directory(places.images))
        case .rbd:
            return try RBDVolumes(
                name: pool.name, settings: RBDPoolSettings(of: pool), images: try Assembly.directory(places.images),
                work: try Assembly.directory("\(settings.stateDirectory)/rbd-\(pool.name)"), sandbox: settings.toolSandbox)
        case .iscsi:
            let iscsi = try ISCSIPoolSettings(of: pool)
            return try ISCSIVolumes(
                name: pool.name, settings: iscsi, driver: TgtDriver(pool: pool.name, settings: iscsi), host: settings.host,
                images: try Assembly.directory(places.images),
                work: try Assembly.directory("\(settings.stateDirectory)/iscsi-\(pool.name)"), sandbox: settings.toolSandbox)
        }
    }

    private func nfs(_ pool: Pool, images: Directory) throws -> any VolumeStore {
        let settings = try NFSPoolSettings(of: pool)
        switch settings.mode {
        case .mounted:
            return try MountedVolumes(
                name: pool.name,
                pool: PoolDirectory(try Assembly.directory(settings.directory ?? ""), id: pool.name.text), images: images,
                cloning: settings.cloning ?? (self.settings.fullCopies ? .fullCopy : .overlay), format: settings.format ?? .qcow2,
                sandbox: self.settings.toolSandbox, patience: settings.patience)
        case .direct:
            let export = NFSExport(
                server: settings.server ?? "", path: settings.export ?? "", user: settings.user ?? 0, group: settings.group ?? 0,
                patience: settings.patience)
            let locks = try Assembly.directory("\(self.settings.stateDirectory)/nfs-\(pool.name)")
            try locks.makeForOwner()
            return NFSVolumes(
                name: pool.name, export: export, images: images, locks: locks, flattensInUse: settings.cloning == .flattened,
                sandbox: self.settings.toolSandbox)
        }
    }
}
