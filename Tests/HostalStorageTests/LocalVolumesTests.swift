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
    @Test(arguments: [LocalVolumes.Cloning.overlay, .flattened, .fullCopy], [DiskFormat.raw, .qcow2])
    func aCloneHasTheHeaderThatItsKindOfCloningGives(_ cloning: LocalVolumes.Cloning, _ format: DiskFormat) async throws {
        let bench = try await LocalBench(format: format)
        let volume = try await bench.volumes(cloning).clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(2))
        #expect(volume.backing == (cloning == .fullCopy ? nil : bench.backing))
        #expect(volume.format == .qcow2)
        #expect(mode(of: volume.path) == 0o600)
        let header = try QcowHeader(OpenFile(volume.path, .read).bytes(ImageSample.headLimit, at: 0))
        #expect(
            header.backing == (cloning == .fullCopy ? nil : QcowHeader.Backing(path: bench.image.path, format: format.rawValue)))
        #expect(header.virtualSize == 2 << 30)
    }

    @Test func aVolumeWhoseHeaderWasExchangedIsRefusedAndKept() async throws {
        let bench = try await LocalBench()
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
        let bench = try await LocalBench()
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
        let bench = try await LocalBench()
        try Data(QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw", l1Entries: 2).bytes)
            .write(to: URL(filePath: bench.image.path))
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(.fullCopy).clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.message.contains("backing file"))
        #expect(try bench.names() == [".hostal-pool"])
    }

    @Test func aPoolThatIsNotMountedIsAnErrorAndStaysEmpty() async throws {
        let bench = try await LocalBench()
        let name = VolumeStoreRules.newName()
        try bench.directory.directory.remove(".hostal-pool")
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
        let bench = try await LocalBench()
        let other = PoolDirectory(bench.directory.directory, id: "pool-b")
        #expect(throws: Failure.self) { try other.verify() }
        let failure = #expect(throws: Failure.self) { try other.initialise() }
        #expect(failure?.kind == .needsOperator)
        try bench.directory.initialise()
        try bench.directory.verify()
        #expect(mode(of: bench.directory.directory.path) == 0o711)
    }

    @Test func thePartialFileOfADeadCloneIsRemoved() async throws {
        let bench = try await LocalBench()
        let name = VolumeStoreRules.newName()
        try Data("half".utf8).write(to: URL(filePath: bench.directory.directory.path(of: "\(name).part-dead")))
        try Data().write(to: URL(filePath: bench.directory.directory.path(of: "\(name).lock")))
        let other = VolumeName(guest: name.guest, generation: 11)
        let foreign = "\(other).part-alive"
        try Data("half".utf8).write(to: URL(filePath: bench.directory.directory.path(of: foreign)))
        #expect(try await bench.volumes().remains(of: name.guest).count == 3)
        _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try bench.names() == [".hostal-pool", "\(name).qcow2", foreign].sorted())
        try await bench.volumes().remove(other)
        try await bench.volumes().remove(name)
        #expect(try bench.names() == [".hostal-pool"])
    }

    /// The child dies by SIGKILL as soon as its partial file is there; the parent then finishes the same volume.
    @Test func aCloneKilledInTheMiddleIsMadeAnew() async throws {
        let bench = try await LocalBench()
        let name = VolumeStoreRules.newName()
        let (pool, images, image) = (bench.directory.directory.path, bench.images.path, bench.image)
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
        #expect(try await bench.open(volume).equals(bench.image))
    }

    @Test func aReserveThatWouldBeTouchedRefusesTheClone() async throws {
        let bench = try await LocalBench()
        let available = try bench.directory.directory.availableBytes()
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(headroom: available + 1)
                .clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent)
        #expect(try bench.names() == [".hostal-pool"])
    }

    @Test func aFullCopySaysHowFarItHasCome() async throws {
        let bench = try await LocalBench()
        let words = Mutex<[String]>([])
        _ = try await bench.volumes(.fullCopy).clone(
            bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1),
            report: { word in words.withLock { $0.append(word) } })
        #expect(words.withLock { $0.last } == "the copy of the disk, 100 % done")
    }
}
