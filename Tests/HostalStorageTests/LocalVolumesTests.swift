import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

@Suite struct LocalVolumesTests {
    /// A pool, an image directory and a 1 GiB image with something in its first 4 MiB.
    private final class Bench: Sendable {
        let root: TestDirectory
        let pool: PoolDirectory
        let images: Directory
        let image: StoredImage

        init(format: DiskFormat = .qcow2) async throws {
            root = try TestDirectory()
            images = try root.subdirectory("images")
            pool = PoolDirectory(try #require(Directory(root.directory.path(of: "pool"))), id: "pool-a")
            try pool.initialise()
            let raw = try root.file("source", patternedDisk(size: 4 << 20))
            _ = try await Command("truncate", ["-s", "1G", raw]).run()
            let digest = try #require(Digest(hex: String(repeating: "a", count: 64)))
            let path = images.path(of: "\(digest.hex).\(format.rawValue)")
            _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", format.rawValue, raw, path]).run()
            image = StoredImage(digest: digest, path: path, format: format, virtualSize: 1 << 30)
        }

        var backing: VolumeBacking { VolumeBacking(source: .file(path: image.path), format: image.format) }
        func volumes(_ cloning: LocalVolumes.Cloning = .overlay, headroom: Int64 = 0) -> LocalVolumes {
            LocalVolumes(name: Samples.pool, pool: pool, images: images, cloning: cloning, headroom: headroom)
        }
        func names() throws -> [String] { try pool.directory.names().sorted() }
    }

    @Test(arguments: [LocalVolumes.Cloning.overlay, .fullCopy], [DiskFormat.raw, .qcow2])
    func aHeaderThatTheGuestWroteIsNeverRead(_ cloning: LocalVolumes.Cloning, _ format: DiskFormat) async throws {
        let bench = try await Bench(format: format)
        let secret = "root's alone: 5b0c27"
        let file = try bench.root.file("secret", Array(secret.utf8) + [UInt8](repeating: 0, count: 65536))
        chmod(file, 0o600)
        let rules = VolumeStoreRules(store: bench.volumes(cloning), image: bench.image)
        try await rules.aHeaderThatAGuestWroteIsData(
            hostile: Array(QcowFixture(size: 1 << 30, backing: file, backingFormat: "raw").bytes.prefix(65536)), naming: secret,
            write: { volume, bytes in
                let source = try bench.root.file("written", bytes)
                _ = try await Command("qemu-io", ["-f", "qcow2", "-c", "write -s \(source) 0 64k", volume.path]).run()
            },
            contents: { volume, count in
                let raw = bench.root.directory.path(of: "read")
                _ = try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", volume.path, raw]).run()
                return try OpenFile(raw, .read).bytes(count, at: 0)
            })
    }

    @Test func aFullCopySaysHowFarItHasCome() async throws {
        let bench = try await Bench()
        let words = Mutex<[String]>([])
        _ = try await bench.volumes(.fullCopy).clone(
            bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1),
            report: { word in words.withLock { $0.append(word) } })
        #expect(words.withLock { $0.last } == "the copy of the disk, 100 % done")
    }

    @Test(arguments: [LocalVolumes.Cloning.overlay, .fullCopy])
    func followsTheRulesOfVolumeStores(_ cloning: LocalVolumes.Cloning) async throws {
        let bench = try await Bench()
        let rules = VolumeStoreRules(store: bench.volumes(cloning), image: bench.image)
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
        try await rules.theSpaceIsPlausible()
        try await rules.aNewDiskNeverShowsWhatAnEarlierOneHeld(
            overwrite: { _ = try await Command("qemu-io", ["-f", "qcow2", "-c", "write -P 0xbb 0 1G", $0.path]).run() },
            check: {
                let pair = ["-f", "qcow2", "-F", "qcow2", bench.image.path, $0.path]
                _ = try await Command("qemu-img", ["compare"] + pair).run()
            })
    }

    @Test(arguments: [LocalVolumes.Cloning.overlay, .fullCopy], [DiskFormat.raw, .qcow2])
    func aCloneReadsAsItsImageAndIsGrown(_ cloning: LocalVolumes.Cloning, _ format: DiskFormat) async throws {
        let bench = try await Bench(format: format)
        let volume = try await bench.volumes(cloning).clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(2))
        #expect(volume.backing == (cloning == .overlay ? bench.backing : nil))
        #expect(volume.format == .qcow2)
        #expect(mode(of: volume.path) == 0o600)
        // Without -s, a disk that is longer by zeros is equal.
        _ = try await Command("qemu-img", ["compare", "-f", format.rawValue, "-F", "qcow2", bench.image.path, volume.path]).run()
        let header = try QcowHeader(OpenFile(volume.path, .read).bytes(ImageSample.headLimit, at: 0))
        #expect(
            header.backing == (cloning == .overlay ? QcowHeader.Backing(path: bench.image.path, format: format.rawValue) : nil))
        #expect(header.virtualSize == 2 << 30)
    }

    @Test func whatTheGuestWritesInsideItsDiskChangesNothing() async throws {
        let bench = try await Bench(format: .raw)
        let name = VolumeStoreRules.newName()
        let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        let hostile = try bench.root.file(
            "hostile", QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw").bytes)
        let quoted = "write -s \(hostile) 0 64k"
        _ = try await Command("qemu-io", ["-f", "qcow2", "-c", quoted, volume.path]).run()
        #expect(try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1)) == volume)
        let chain = try await Command("qemu-img", ["info", "--backing-chain", "--output", "json", volume.path]).run()
        #expect(!chain.contains("shadow"))
    }

    @Test func aVolumeWhoseHeaderWasExchangedIsRefusedAndKept() async throws {
        let bench = try await Bench()
        let name = VolumeStoreRules.newName()
        let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        let hostile = QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw").bytes
        try Data(hostile).write(to: URL(filePath: volume.path))
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        }
        #expect(failure.kind == .needsOperator)
        #expect(!failure.message.contains("/"))
        #expect(failure.detail?.contains("/etc/shadow") == true)
        #expect(try Data(contentsOf: URL(filePath: volume.path)) == Data(hostile))
    }

    @Test func anImageOutsideTheImageDirectoryIsRefused() async throws {
        let bench = try await Bench()
        for path in [
            "\(bench.root.path)/source", "\(bench.images.path)/../source", "\(bench.images.path)/", "\(bench.images.path)x/a",
        ] {
            var image = bench.image
            image.path = path
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes().clone(image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.code == .imageUnavailable && failure.kind == .permanent, "\(path)")
        }
        #expect(try bench.names() == [".hostal-pool"])
    }

    @Test func anImageWithABackingFileIsNeverCloned() async throws {
        let bench = try await Bench()
        try Data(QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw", l1Entries: 2).bytes)
            .write(to: URL(filePath: bench.image.path))
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(.fullCopy).clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.message.contains("backing file"))
        #expect(try bench.names() == [".hostal-pool"])
    }

    @Test func aPoolThatIsNotMountedIsAnErrorAndStaysEmpty() async throws {
        let bench = try await Bench()
        let name = VolumeStoreRules.newName()
        try bench.pool.directory.remove(".hostal-pool")
        let volumes = bench.volumes()
        let failures = [
            try await VolumeStoreRules.failure { _ = try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) },
            try await VolumeStoreRules.failure { try await volumes.remove(name) },
            try await VolumeStoreRules.failure { _ = try await volumes.remains(of: name.guest) },
        ]
        for failure in failures {
            #expect(failure.kind == .temporary)
            #expect(failure.detail?.contains("is the pool mounted?") == true)
        }
        #expect(try bench.names() == [])
    }

    @Test func anotherPoolsDirectoryIsRefused() async throws {
        let bench = try await Bench()
        let other = PoolDirectory(bench.pool.directory, id: "pool-b")
        #expect(throws: Failure.self) { try other.verify() }
        let failure = #expect(throws: Failure.self) { try other.initialise() }
        #expect(failure?.kind == .needsOperator)
        try bench.pool.initialise()
        try bench.pool.verify()
        #expect(mode(of: bench.pool.directory.path) == 0o711)
    }

    @Test func thePartialFileOfADeadCloneIsRemoved() async throws {
        let bench = try await Bench()
        let name = VolumeStoreRules.newName()
        try Data("half".utf8).write(to: URL(filePath: bench.pool.directory.path(of: "\(name).part-dead")))
        try Data().write(to: URL(filePath: bench.pool.directory.path(of: "\(name).lock")))
        let other = VolumeName(guest: name.guest, generation: 11)
        let foreign = "\(other).part-alive"
        try Data("half".utf8).write(to: URL(filePath: bench.pool.directory.path(of: foreign)))
        #expect(try await bench.volumes().remains(of: name.guest).count == 3)
        _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try bench.names() == [".hostal-pool", "\(name).qcow2", foreign].sorted())
        try await bench.volumes().remove(other)
        try await bench.volumes().remove(name)
        #expect(try bench.names() == [".hostal-pool"])
    }

    /// The child dies by SIGKILL as soon as its partial file is there; the parent then finishes the same volume.
    @Test func aCloneKilledInTheMiddleIsMadeAnew() async throws {
        let bench = try await Bench()
        let name = VolumeStoreRules.newName()
        let (pool, images, image) = (bench.pool.directory.path, bench.images.path, bench.image)
        let child = await #expect(processExitsWith: .signal(SIGKILL)) {
            [pool = pool as String, images = images as String, image = image as StoredImage, name = name as VolumeName] in
            let pool = PoolDirectory(try #require(Directory(pool)), id: "pool-a")
            let volumes = LocalVolumes(
                name: Samples.pool, pool: pool, images: try #require(Directory(images)), cloning: .fullCopy, headroom: 0)
            let clone = Task { try await volumes.clone(image, to: name, size: Gibibytes(1)) }
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end {
                if try pool.directory.names().contains(where: { $0.contains(".part-") }) { kill(getpid(), SIGKILL) }
                await Task.yield()
            }
            _ = try await clone.value
        }
        #expect(child != nil)
        #expect(try bench.names().contains { $0.hasPrefix("\(name).part-") })
        let volume = try await bench.volumes(.fullCopy).clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try bench.names() == [".hostal-pool", "\(name).qcow2"])
        _ = try await Command("qemu-img", ["compare", "-f", "qcow2", "-F", "qcow2", bench.image.path, volume.path]).run()
    }

    @Test func aReserveThatWouldBeTouchedRefusesTheClone() async throws {
        let bench = try await Bench()
        let available = try bench.pool.directory.availableBytes()
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(headroom: available + 1)
                .clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent)
        #expect(try bench.names() == [".hostal-pool"])
    }
}
