import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// A tmpfs of a test's own; unmounted when the test is over.
private final class SmallDisk: Sendable {
    private let root: TestDirectory
    let directory: Directory

    init(mebibytes: Int) async throws {
        root = try TestDirectory()
        directory = try root.subdirectory("mount")
        _ = try await Command("mount", ["-t", "tmpfs", "-o", "size=\(mebibytes)m", "hostal-test", directory.path]).run()
    }

    deinit { umount2(directory.path, Int32(MNT_DETACH)) }
}

@Suite struct FullDiskTests {
    private func image(in directory: TestDirectory, size: Int) throws -> (Directory, StoredImage) {
        let images = try directory.subdirectory("images")
        let bytes = patternedDisk(size: size)
        let digest = try #require(Digest(hex: sha256(bytes)))
        let path = images.path(of: "\(digest.hex).raw")
        try Data(bytes).write(to: URL(filePath: path))
        return (images, StoredImage(digest: digest, path: path, format: .raw, virtualSize: Int64(size)))
    }

    @Test func aCloneThatCannotFitIsRefusedBeforeItStarts() async throws {
        let root = try TestDirectory()
        let (images, image) = try image(in: root, size: 8 << 20)
        let disk = try await SmallDisk(mebibytes: 4)
        let pool = PoolDirectory(disk.directory, id: "small")
        try pool.initialise()
        let volumes = LocalVolumes(name: Samples.pool, pool: pool, images: images, cloning: .fullCopy, headroom: 0)
        let failure = try await VolumeStoreRules.failure {
            _ = try await volumes.clone(image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent)
        #expect(failure.detail?.contains("4 MiB free") == false && failure.detail?.contains("free;") == true, "\(failure)")
        #expect(try disk.directory.names() == [".hostal-pool"])
    }

    /// A negative reserve makes the check before the clone pass, so that the disk fills up under the tool's hands.
    @Test func aDiskThatFillsUpHalfWayLeavesNothing() async throws {
        let root = try TestDirectory()
        let (images, image) = try image(in: root, size: 8 << 20)
        let disk = try await SmallDisk(mebibytes: 4)
        let pool = PoolDirectory(disk.directory, id: "small")
        try pool.initialise()
        let volumes = LocalVolumes(name: Samples.pool, pool: pool, images: images, cloning: .fullCopy, headroom: -(1 << 30))
        let failure = try await VolumeStoreRules.failure {
            _ = try await volumes.clone(image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent, "\(failure)")
        #expect(failure.detail?.contains("qemu-img convert") == true, "\(failure)")
        #expect(try disk.directory.names() == [".hostal-pool"])
    }

    @Test(arguments: [Int64(0), -(1 << 30)])
    func anImageThatDoesNotFitLeavesNothing(_ headroom: Int64) async throws {
        let root = try TestDirectory()
        let bytes = patternedDisk(size: 8 << 20)
        let path = try root.file("source.raw", bytes)
        let disk = try await SmallDisk(mebibytes: 4)
        var limits = TransferLimits()
        limits.headroom = headroom
        let image = Image(
            id: ImageID(1), name: "large", digest: try #require(Digest(hex: sha256(bytes))), format: .raw, virtualSize: 8 << 20,
            location: path)
        let failure = try await VolumeStoreRules.failure {
            _ = try await ImageLibrary(directory: disk.directory, limits: limits).fetch(image)
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent, "\(failure)")
        #expect(try disk.directory.names() == [])
    }

    /// The file itself fits, and what becomes of it does not.
    @Test func aConversionThatCannotFitIsRefusedBeforeItStarts() async throws {
        let root = try TestDirectory()
        let path = try root.file("source.vhd", ForeignFixture.vhd().content)
        let disk = try await SmallDisk(mebibytes: 4)
        var limits = TransferLimits()
        limits.headroom = 0
        let library = ImageLibrary(directory: disk.directory, limits: limits)
        let failure = try await VolumeStoreRules.failure {
            _ = try await ImageImport(name: "mine", source: .file(path), checksum: nil).run(into: library)
        }
        #expect(failure.code == .storageFull && failure.message.contains("convert the image"), "\(failure)")
        #expect(try disk.directory.names() == [])
    }

    /// Guests' disks may lie beside the copy: what it must leave to them is there, and the copy would fit into it.
    @Test func aCopyOfADiskThatWouldTakeOthersRoomIsRefusedBeforeItStarts() async throws {
        let root = try TestDirectory()
        let (volumes, volume) = try await disk(in: root, size: 16 << 20)
        let disk = try await SmallDisk(mebibytes: 1024 + 12)
        let copy = disk.directory.path(of: "copy.qcow2")
        let hasBegun = Mutex(false)
        let failure = try await VolumeStoreRules.failure {
            try await volumes.export(volume, snapshot: nil, to: copy) { _ in hasBegun.withLock { $0 = true } }
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent, "\(failure)")
        #expect(
            failure.detail?.contains("1 GiB free; 16.") == true && failure.detail?.contains("1 GiB kept") == true, "\(failure)")
        #expect(!hasBegun.withLock { $0 })
        #expect(try disk.directory.names() == [])
    }

    @Test func aCopyOfADiskEndsWhenSomebodyElseTakesTheRoom() async throws {
        let root = try TestDirectory()
        let (volumes, volume) = try await disk(in: root, size: 16 << 20)
        let disk = try await SmallDisk(mebibytes: 1024 + 40)
        let copy = disk.directory.path(of: "copy.qcow2")
        let others = [UInt8](repeating: 1, count: 32 << 20)
        let isTaken = Mutex(false)
        let failure = try await VolumeStoreRules.failure {
            try await volumes.export(volume, snapshot: nil, to: copy) { _ in
                isTaken.withLock { isTaken in
                    guard !isTaken else { return }
                    isTaken = true
                    do { try disk.directory.write(others, as: "others") } catch { Issue.record(error) }
                }
            }
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent, "\(failure)")
        #expect(failure.detail?.contains("1 GiB kept in reserve") == true, "\(failure)")
        #expect(try disk.directory.names() == ["others"])
        try disk.directory.remove("others")
        try await volumes.export(volume, snapshot: nil, to: copy) { _ in }
    }

    /// With its guest running or not: every guest of the pool would stand still.
    @Test func aDiskIsNotFlattenedWhereItsImageDoesNotFitOnceMore() async throws {
        let root = try TestDirectory()
        let (images, image) = try image(in: root, size: 8 << 20)
        for (mebibytes, fits) in [(8, false), (16, true)] {
            let disk = try await SmallDisk(mebibytes: mebibytes)
            let pool = PoolDirectory(disk.directory, id: "small")
            try pool.initialise()
            let volumes = LocalVolumes(name: Samples.pool, pool: pool, images: images, cloning: .flattened, headroom: 0)
            let volume = try await volumes.clone(image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            guard !fits else {
                #expect(try await volumes.flatteningInUse(of: volume) == .hypervisor)
                continue
            }
            let besideGuest = try await VolumeStoreRules.failure { _ = try await volumes.flatteningInUse(of: volume) }
            #expect(besideGuest.code == .storageFull && besideGuest.kind == .permanent, "\(besideGuest)")
            let offLine = try await VolumeStoreRules.failure { _ = try await volumes.flatten(volume, report: { _ in }) }
            #expect("\(besideGuest)" == "\(offLine)")
        }
    }

    /// A disk that holds as much as its image does.
    private func disk(in root: TestDirectory, size: Int) async throws -> (LocalVolumes, Volume) {
        let (images, image) = try image(in: root, size: size)
        let pool = PoolDirectory(try root.subdirectory("pool"), id: "large")
        try pool.initialise()
        let volumes = LocalVolumes(name: Samples.pool, pool: pool, images: images, headroom: 0)
        return (volumes, try await volumes.clone(image, to: VolumeStoreRules.newName(), size: Gibibytes(1)))
    }
}
