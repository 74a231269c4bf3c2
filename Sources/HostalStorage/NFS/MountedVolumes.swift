import FoundationEssentials
import Glibc
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Disks as files on an export that the system has mounted: `LocalVolumes`, with somebody who watches the mount.
///
/// A mount that hangs is a temporary failure within the patience, never an empty pool. A call that it holds is given up and its thread left
/// behind; until that one comes back the pool is refused at once, so that it never acts beside a newer call. At most three threads of a pool
/// are ever held.
package actor MountedVolumes: VolumeStore {
    private let volumes: LocalVolumes
    private let watch: MountWatch
    private let pool: PoolDirectory
    private let hostImages: Directory
    private let poolImages: Directory
    private let headroom: Int64
    private let copies = BlockingLane(name: "pool images")
    /// Calls that were given up and have not come back.
    package private(set) var abandoned = 0

    /// Between two looks at the mount while a call is under way.
    private static let interval = Duration.seconds(1)
    static let imageDirectory = "images"

    /// `pool` is the mount point itself. `images` holds the host's images; overlays have theirs on the pool, one copy for all hosts.
    package init(
        name: PoolName, pool: PoolDirectory, images: Directory, cloning: LocalVolumes.Cloning = .overlay,
        format: DiskFormat = .qcow2, sandbox: ToolSandbox = .required, patience: Duration = NFSExport.defaultPatience,
        headroom: Int64 = LocalVolumes.defaultHeadroom
    ) throws {
        guard let poolImages = Directory(pool.directory.path(of: Self.imageDirectory)) else {
            throw PoolSettingsError("'directory' cannot be used")
        }
        self.pool = pool
        self.hostImages = images
        self.poolImages = poolImages
        self.headroom = headroom
        volumes = LocalVolumes(
            name: name, pool: pool, images: poolImages, cloning: cloning, format: format, headroom: headroom, sandbox: sandbox)
        watch = MountWatch(pool: pool, name: name, patience: patience)
    }

    package func clone(
        _ image: StoredImage, to volume: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        let (volumes, copies, place) = (volumes, copies, place)
        return try await watched {
            do {
                let copy = try await copies.perform {
                    try image.check(in: place.host, fitsIn: size)
                    return try place.bring(image, report)
                }
                return try await volumes.clone(copy, to: volume, size: size, report: report)
            } catch {
                throw Failure(storage: error, cannot: "clone the image to a disk")
            }
        }
    }
    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume {
        try await watched { [volumes] in try await volumes.grow(volume, to: size) }
    }
    package func size(of volume: Volume) async throws -> Int64 {
        try await watched { [volumes] in try await volumes.size(of: volume) }
    }
    package func remove(_ volume: VolumeName) async throws {
        try await watched { [volumes] in try await volumes.remove(volume) }
    }
    package func remains(of guest: GuestID) async throws -> [String] {
        try await watched { [volumes] in try await volumes.remains(of: guest) }
    }
    package func publish(_ volume: Volume) async throws {
        try await watched { [volumes] in try await volumes.publish(volume) }
    }
    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        try await watched { [volumes] in try await volumes.export(volume, snapshot: snapshot, to: path, report: report) }
    }
    package func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse {
        try await watched { [volumes] in try await volumes.flatteningInUse(of: volume) }
    }
    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        try await watched { [volumes] in try await volumes.flatten(volume, report: report) }
    }

    /// Reads the header of each disk in the pool: no disk loses its image by a caller's mistake.
    package func removeImage(_ digest: Digest) async throws {
        let (volumes, copies, place) = (volumes, copies, place)
        try await watched {
            try await volumes.refuseNeeded(digest)
            do {
                try await copies.perform {
                    // It may have waited for its turn longer than its caller did.
                    try Task.checkCancellation()
                    try place.remove(digest)
                }
            } catch {
                throw Failure(storage: error, cannot: "remove the image")
            }
        }
    }

    private var place: PoolImages { PoolImages(host: hostImages, pool: poolImages, headroom: headroom) }

    package func space() async throws -> PoolSpace { try await watched { [volumes] in try await volumes.space() } }

    /// Looks at the mount before, during and after: what was done on the disk below a mount point is never reported as done. A cancelled
    /// task waits for the end of its call as any other does.
    private func watched<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await watch.check()
        guard abandoned == 0 else { throw watch.silent }
        let watch = watch
        let call = Task.detached { try await work() }
        var hasEnded = false
        defer {
            if !hasEnded {
                call.cancel()
                abandoned += 1
                Task {
                    _ = await call.result
                    abandoned -= 1
                }
            }
        }
        let answer: @Sendable () async throws -> Result<Value, any Error> = { await call.result }
        let silence: @Sendable () async throws -> Result<Value, any Error> = {
            while true {
                try await Task.sleep(for: Self.interval)
                try await watch.check()
            }
        }
        let outcome = Task.detached { try await first(of: [answer, silence]) }
        let result = try await withTaskCancellationHandler {
            try await outcome.value
        } onCancel: {
            call.cancel()
        }
        hasEnded = true
        let value = try result.get()
        try await watch.check()
        return value
    }
}

extension MountedVolumes: MarkedPool {
    /// Throws where nothing is mounted: the mark would be on the host's own disk.
    package func mark() async throws {
        try await copies.perform { [pool] in
            try MountWatch.checkMount(pool)
            try pool.initialise()
        }
    }
}
