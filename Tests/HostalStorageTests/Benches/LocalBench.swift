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

    init(_ cloning: LocalVolumes.Cloning = .overlay, format: DiskFormat = .qcow2) async throws {
        root = try TestDirectory()
        images = try root.subdirectory("images")
        directory = PoolDirectory(try #require(Directory(root.directory.path(of: "pool"))), id: "pool-a")
        try directory.initialise()
        image = try await sampleImage(format, in: images, root)
        (store, another) = (
            LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, headroom: 0),
            LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, headroom: 0)
        )
    }

    var backing: VolumeBacking { VolumeBacking(source: .file(path: image.path), format: image.format) }
    func volumes(_ cloning: LocalVolumes.Cloning = .overlay, headroom: Int64 = 0) -> LocalVolumes {
        LocalVolumes(name: pool, pool: directory, images: images, cloning: cloning, headroom: headroom)
    }
    func names() throws -> [String] { try directory.directory.names().sorted() }
    func path(_ name: VolumeName) -> String { directory.directory.path(of: "\(name).qcow2") }

    func open(_ volume: Volume) -> OpenedDisk { OpenedDisk(file: volume.path, format: volume.format) }
    func plant(_ name: VolumeName) throws { try HostalStorageTests.plant(foreignHeader, at: path(name)) }
    func isThere(_ name: VolumeName) throws -> Bool { try bytes(at: path(name)) == foreignHeader }
}
