import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// A directory of the host, and images beside it. A file there with a disk's name is the disk: its directory is the pool's alone.
final class LocalBench: ForeignBench {
    let root: TestDirectory
    let directory: PoolDirectory
    let images: Directory
    let image: StoredImage
    let store: any VolumeStore
    let another: any VolumeStore
    let pool = Samples.pool

    private let disk: SharingDisk?
    private let diskFormat: DiskFormat

    /// `format` is the image's, `as` that of full copies. With `sharing` images and pool lie on a file system that can share their blocks.
    init(
        _ cloning: LocalVolumes.Cloning = .overlay, format: DiskFormat = .qcow2, as diskFormat: DiskFormat = .qcow2,
        sharing: Bool = false
    ) async throws {
        disk = sharing ? try await SharingDisk() : nil
        root = try TestDirectory(in: disk?.path ?? "/tmp")
        self.diskFormat = diskFormat
        images = try root.subdirectory("images")
        directory = PoolDirectory(try #require(Directory(root.directory.path(of: "pool"))), id: "pool-a")
        try directory.initialise()
        image = try await sampleImage(format, in: images, root)
        (store, another) = (
            LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, format: diskFormat, headroom: 0),
            LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, format: diskFormat, headroom: 0)
        )
    }

    var backing: VolumeBacking { VolumeBacking(source: .file(path: image.path), format: image.format) }
    func volumes(_ cloning: LocalVolumes.Cloning = .overlay, headroom: Int64 = 0) -> LocalVolumes {
        LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, headroom: headroom)
    }
    func names() throws -> [String] { try directory.directory.names().sorted() }
    func path(_ name: VolumeName) -> String { directory.directory.path(of: "\(name).\(plantedFormat.rawValue)") }

    func end() async { await disk?.end() }

    /// Of disks that the pool makes.
    private var plantedFormat: DiskFormat { disk == nil ? diskFormat : image.format }

    func open(_ volume: Volume) -> OpenedDisk { OpenedDisk(file: volume.path, format: volume.format) }
    func plant(_ name: VolumeName) throws { try HostalStorageTests.plant(foreignHeader, at: path(name)) }
    func isThere(_ name: VolumeName) throws -> Bool { try bytes(at: path(name)) == foreignHeader }
}
