import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// Against a real server on loopback.
@Suite(.serialized) struct NFSVolumesTests {
    static let pool = PoolName("nfs-a")

    /// A server, a marked pool on it, and a 1 GiB image in the host's own directory.
    private final class Bench: Sendable {
        let server: NFSServer
        let root: TestDirectory
        let image: StoredImage
        private let images: Directory

        static func with(format: DiskFormat = .qcow2, _ body: (Bench) async throws -> Void) async throws {
            let server = try await NFSServer.up()
            do {
                let bench = try await Bench(server: server, format: format)
                try await bench.volumes().mark()
                try await body(bench)
            } catch {
                await server.down()
                throw error
            }
            await server.down()
        }

        private init(server: NFSServer, format: DiskFormat) async throws {
            self.server = server
            root = try TestDirectory()
            images = try root.subdirectory("images")
            image = try await sampleImage(format, in: images, root)
        }

        var export: NFSExport {
            NFSExport(server: server.address, path: server.export, user: 0, group: 0, patience: .seconds(2))
        }

        /// Each with locks of its own is another host's.
        func volumes(
            _ name: PoolName = NFSVolumesTests.pool, host: String = "locks", headroom: Int64 = 0, export: NFSExport? = nil
        ) throws -> NFSVolumes {
            let locks = try #require(Directory(root.directory.path(of: host)))
            try locks.makeForOwner()
            return NFSVolumes(name: name, export: export ?? self.export, images: images, locks: locks, headroom: headroom)
        }

        func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: server.directory).sorted() }
        func path(_ name: String) -> String { "\(server.directory)/\(name)" }
    }

    private static let access = VolumeAccess { try #require(NFSExport.url(of: $0.source)) }
    private static let empty = [".hostal-pool", "images"]

    @Test func followsTheRulesOfVolumeStores() async throws {
        try await Bench.with { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(), image: bench.image)
            try await rules.cloningTwiceGivesTheSameVolume()
            try await rules.anExistingVolumeOfAnotherSizeIsRefusedAndKept()
            try await rules.aDiskSmallerThanTheImageIsRefusedWithBothSizes()
            try await rules.aDiskOfExactlyTheImagesSizeIsMade()
            try await rules.growingTwiceEqualsOnceAndTheSizeIsTold()
            try await rules.aDiskNeverShrinks()
            try await rules.aDiskThatIsNotTheOneOnRecordIsNotGrown()
            try await rules.removingTwiceEqualsOnce()
            try await rules.removingWhatNeverWasIsSuccess()
            try await rules.removingOneGenerationKeepsTheOthers()
            try await rules.anotherGuestsDisksAreNeverRemains()
            try await rules.twoClonesAtOnceMakeOneVolume()
            try await rules.spaceIsWhatTheStorageHas()
        }
    }

    @Test(arguments: [DiskFormat.raw, .qcow2]) func aDiskReadsAsItsImageAndZeroesElsewhere(_ format: DiskFormat) async throws {
        try await Bench.with(format: format) { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(), image: bench.image)
            try await rules.aCloneReadsAsItsImageAndZeroesBeyond(Self.access)
            try await rules.aGrownDiskReadsZeroesWhereItGrew(Self.access)
        }
    }

    @Test func aNewDiskShowsNothingOfAnEarlierOne() async throws {
        try await Bench.with { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(), image: bench.image)
            try await rules.aNewDiskShowsNothingOfAnEarlierOne(Self.access)
            #expect(try bench.names() == Self.empty)
        }
    }

    /// Also on two hosts, which no lock keeps apart: the image is copied once, and the disk appears once.
    @Test(arguments: ["locks", "other"]) func twoStoresAtOnceMakeOneVolume(_ host: String) async throws {
        try await Bench.with { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(), image: bench.image)
            try await rules.twoStoresAtOnceMakeOneVolume(try bench.volumes(host: host))
            #expect(try bench.names() == Self.empty)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: bench.path("images")) == ["\(bench.image.digest.hex).qcow2"])
        }
    }

    @Test func theImageIsCopiedOnceWithAllItsBytesAndNobodyMayWriteIt() async throws {
        try await Bench.with { bench in
            let volume = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            let copy = bench.path("images/\(bench.image.digest.hex).qcow2")
            #expect(try Data(contentsOf: URL(filePath: copy)) == Data(contentsOf: URL(filePath: bench.image.path)))
            #expect(mode(of: copy) == 0o444)
            #expect(
                volume.backing?.source
                    == .nfs(
                        server: bench.server.address, path: "/export/images/\(bench.image.digest.hex).qcow2", user: 0, group: 0))
            let first = try #require(inode(of: copy))
            _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            #expect(inode(of: copy) == first)
            // A copy that is not whole is nobody's image.
            try Data("cut off".utf8).write(to: URL(filePath: copy))
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.kind == .needsOperator, "\(failure)")
        }
    }

    @Test func whatADeadCloneLeftIsRemovedByTheNext() async throws {
        try await Bench.with { bench in
            let name = VolumeStoreRules.newName()
            let foreign = "\(VolumeName(guest: name.guest, generation: 11)).part-alive"
            for partial in ["\(name).part-dead", foreign] {
                try Data("half".utf8).write(to: URL(filePath: bench.path(partial)))
            }
            #expect(try await bench.volumes().remains(of: name.guest).count == 2)
            _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try bench.names() == [".hostal-pool", "images", "\(name).qcow2", foreign].sorted())
            try await bench.volumes().remove(name)
            #expect(try bench.names() == [".hostal-pool", "images", foreign].sorted())
        }
    }

    /// Of a worker that was killed half way, an hour ago by the server's clock; one that is being written stays.
    @Test func anImagesDeadCopyIsRemovedAndALiveOneIsNot() async throws {
        try await Bench.with { bench in
            let (dead, live) = (bench.path("images/a.qcow2.part-dead"), bench.path("images/b.qcow2.part-live"))
            for path in [dead, live] { try Data("half".utf8).write(to: URL(filePath: path)) }
            _ = try await Command("touch", ["-d", "2 hours ago", dead]).run()
            _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            #expect(inode(of: dead) == nil && inode(of: live) != nil)
        }
    }

    @Test func aFileThatIsNotTheVolumeIsNeitherUsedNorOverwritten() async throws {
        try await Bench.with { bench in
            let name = VolumeStoreRules.newName()
            let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            let hostile = QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw").bytes
            try Data(hostile).write(to: URL(filePath: bench.path("\(name).qcow2")))
            for failure in [
                try await VolumeStoreRules.failure {
                    _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
                },
                try await VolumeStoreRules.failure { _ = try await bench.volumes().grow(volume, to: Gibibytes(2)) },
                try await VolumeStoreRules.failure { _ = try await bench.volumes().size(of: volume) },
            ] {
                #expect(failure.kind == .needsOperator && failure.detail?.contains("/etc/shadow") == true, "\(failure)")
                #expect(!failure.message.contains("/"))
            }
            #expect(try Data(contentsOf: URL(filePath: bench.path("\(name).qcow2"))) == Data(hostile))
        }
    }

    @Test func aServerThatIsGoneOrSilentIsATemporaryFailureAndComesBack() async throws {
        try await Bench.with { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(), image: bench.image)
            let volume = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            // Silent: the connection is taken and nothing is answered.
            try await bench.server.setSilent(true)
            try await rules.aServerThatIsDownIsATemporaryFailure(within: .seconds(4), pool: Self.pool)
            try await bench.server.setSilent(false)
            #expect(try await bench.volumes().size(of: volume) == 1 << 30)
            await bench.server.kill()
            try await rules.aServerThatIsDownIsATemporaryFailure(within: .seconds(4), pool: Self.pool)
            try await bench.server.start()
            #expect(try await bench.volumes().size(of: volume) == 1 << 30)
        }
    }

    @Test func anExportWithoutTheMarkAndOneThatIsNotThereAreNeverEmptyPools() async throws {
        try await Bench.with { bench in
            let name = VolumeStoreRules.newName()
            var missing = bench.export
            missing.path = "/absent"
            let other = try await VolumeStoreRules.failure {
                _ = try await bench.volumes(PoolName("nfs-b")).remains(of: name.guest)
            }
            #expect(other.kind == .temporary && other.detail?.contains("is pool 'nfs-a'") == true, "\(other)")
            let taken = try await VolumeStoreRules.failure { try await bench.volumes(PoolName("nfs-b")).mark() }
            #expect(taken.kind == .needsOperator, "\(taken)")
            let absent = try await VolumeStoreRules.failure { try await bench.volumes(export: missing).remove(name) }
            #expect(absent.kind == .temporary && absent.detail?.contains("/absent") == true, "\(absent)")
            try FileManager.default.removeItem(atPath: bench.path(".hostal-pool"))
            let bare = try await VolumeStoreRules.failure { try await bench.volumes().remove(name) }
            #expect(bare.kind == .temporary && bare.detail?.contains("no mark") == true, "\(bare)")
        }
    }

    @Test func aReserveThatWouldBeTouchedRefusesTheClone() async throws {
        try await Bench.with { bench in
            let available = try await bench.volumes().space().available
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes(headroom: available + 1)
                    .clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.code == .storageFull && failure.kind == .permanent)
            #expect(try bench.names() == Self.empty)
        }
    }

    /// The child dies by SIGKILL as soon as a partial file is there, be it the image's or the disk's.
    @Test func aCloneKilledInTheMiddleIsMadeAnew() async throws {
        try await Bench.with { bench in
            let name = VolumeStoreRules.newName()
            let (address, directory, locks, image) = (
                bench.server.address, bench.server.directory, bench.root.directory.path(of: "locks"), bench.image
            )
            let images = URL(filePath: image.path).deletingLastPathComponent().path()
            let child = await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    address = address as String, directory = directory as String, locks = locks as String,
                    images = images as String,
                    image = image as StoredImage, name = name as VolumeName
                ] in
                let volumes = NFSVolumes(
                    name: PoolName("nfs-a"), export: NFSExport(server: address, path: "/export", user: 0, group: 0),
                    images: try #require(Directory(images.hasSuffix("/") ? String(images.dropLast()) : images)),
                    locks: try #require(Directory(locks)), headroom: 0)
                let clone = Task { try await volumes.clone(image, to: name, size: Gibibytes(1)) }
                let end = ContinuousClock.now + .seconds(30)
                while ContinuousClock.now < end {
                    for place in [directory, "\(directory)/images"] {
                        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
                        if names.contains(where: { $0.contains(".part-") }) { kill(getpid(), SIGKILL) }
                    }
                    await Task.yield()
                }
                _ = try await clone.value
            }
            #expect(child != nil)
            let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try bench.names() == [".hostal-pool", "images", "\(name).qcow2"].sorted())
            _ = try await Command(
                "qemu-img", ["compare", "-f", "qcow2", "-F", "qcow2", bench.image.path, try Self.access.name(volume)]
            ).run()
        }
    }

    private func inode(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}

/// A 1 GiB image with something in its first 4 MiB.
func sampleImage(_ format: DiskFormat, in images: Directory, _ root: TestDirectory) async throws -> StoredImage {
    let raw = try root.file("source", patternedDisk(size: 4 << 20))
    _ = try await Command("truncate", ["-s", "1G", raw]).run()
    let digest = try #require(Digest(hex: String(repeating: "a", count: 64)))
    let path = images.path(of: "\(digest.hex).\(format.rawValue)")
    _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", format.rawValue, raw, path]).run()
    return StoredImage(digest: digest, path: path, format: format, virtualSize: 1 << 30)
}
