import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// On real mounts: a tmpfs that is unmounted in the middle, and a FUSE file system that stops answering.
@Suite(.serialized) struct MountedVolumesTests {
    static let pool = PoolName("shared-a")
    private static let patience = Duration.seconds(1)

    private final class Bench: Sendable {
        let root: TestDirectory
        let image: StoredImage
        let mountPoint: Directory
        private let images: Directory

        init() async throws {
            root = try TestDirectory()
            images = try root.subdirectory("images")
            mountPoint = try root.subdirectory("pool")
            image = try await sampleImage(.qcow2, in: images, root)
        }

        func volumes(_ cloning: LocalVolumes.Cloning = .overlay, headroom: Int64 = 0) throws -> MountedVolumes {
            try MountedVolumes(
                name: MountedVolumesTests.pool, pool: PoolDirectory(mountPoint, id: MountedVolumesTests.pool.text),
                images: images,
                cloning: cloning, patience: MountedVolumesTests.patience, headroom: headroom)
        }

        func mount() async throws {
            _ = try await Command("mount", ["-t", "tmpfs", "-o", "mode=711,size=256M", "tmpfs", mountPoint.path]).run()
        }
        func unmount() async throws { _ = try await Command("umount", ["--lazy", mountPoint.path]).run() }

        static func mounted(_ body: (Bench) async throws -> Void) async throws {
            let bench = try await Bench()
            try await bench.mount()
            do {
                try await bench.volumes().mark()
                try await body(bench)
            } catch {
                for place in [bench.mountPoint.path, bench.root.directory.path(of: "aside")] {
                    _ = try? await Command("umount", ["--lazy", place]).run()
                }
                throw error
            }
            try await bench.unmount()
        }

        /// The second value is the file server behind the mount.
        static func served(_ body: (Bench, PassthroughMount) async throws -> Void) async throws {
            let bench = try await Bench()
            let server = try await PassthroughMount.up(try bench.root.subdirectory("served").path, at: bench.mountPoint.path)
            do {
                try await bench.volumes().mark()
                try await body(bench, server)
            } catch {
                server.setSilent(false)
                await server.down()
                throw error
            }
            await server.down()
        }
    }

    @Test(arguments: [LocalVolumes.Cloning.overlay, .fullCopy])
    func followsTheRulesOfVolumeStores(_ cloning: LocalVolumes.Cloning) async throws {
        try await Bench.mounted { bench in
            let rules = VolumeStoreRules(store: try bench.volumes(cloning), image: bench.image)
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
        }
    }

    @Test func overlaysHaveTheirImageOnThePoolForEveryHost() async throws {
        try await Bench.mounted { bench in
            let volume = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            let copy = "\(bench.mountPoint.path)/images/\(bench.image.digest.hex).qcow2"
            #expect(volume.backing == VolumeBacking(source: .file(path: copy), format: .qcow2))
            #expect(try Data(contentsOf: URL(filePath: copy)) == Data(contentsOf: URL(filePath: bench.image.path)))
            #expect(mode(of: copy) == 0o444)
            _ = try await Command("qemu-img", ["compare", "-f", "qcow2", "-F", "qcow2", bench.image.path, volume.path]).run()
            try Data("cut off".utf8).write(to: URL(filePath: copy))
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.kind == .needsOperator, "\(failure)")
        }
    }

    @Test func aPoolThatIsUnmountedInTheMiddleIsUnknownAndComesBack() async throws {
        try await Bench.mounted { bench in
            let volumes = try bench.volumes()
            let rules = VolumeStoreRules(store: volumes, image: bench.image)
            let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            // Held open elsewhere, so that the same file system can come back.
            let aside = try bench.root.subdirectory("aside")
            _ = try await Command("mount", ["--bind", bench.mountPoint.path, aside.path]).run()
            try await bench.unmount()
            try await rules.aServerThatIsDownIsATemporaryFailure(within: Self.patience, pool: Self.pool)
            // Not even with the marker on the disk below.
            try Data("\(Self.pool)\n".utf8).write(to: URL(filePath: bench.mountPoint.path(of: ".hostal-pool")))
            try await rules.aServerThatIsDownIsATemporaryFailure(within: Self.patience, pool: Self.pool)
            let marking = try await VolumeStoreRules.failure { try await volumes.mark() }
            #expect(marking.detail?.contains("nothing is mounted") == true, "\(marking)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: bench.mountPoint.path) == [".hostal-pool"])

            _ = try await Command("mount", ["--bind", aside.path, bench.mountPoint.path]).run()
            _ = try await Command("umount", [aside.path]).run()
            #expect(try await volumes.size(of: volume) == 1 << 30)
        }
    }

    @Test func aMountThatHangsIsATemporaryFailureAndHoldsUpNobodyElse() async throws {
        try await Bench.served { bench, server in
            let volumes = try bench.volumes()
            let rules = VolumeStoreRules(store: volumes, image: bench.image)
            let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            server.setSilent(true)
            let began = ContinuousClock.now
            try await rules.aServerThatIsDownIsATemporaryFailure(within: Self.patience * 2, pool: Self.pool)
            // The first of the four has waited, and the others were refused at once.
            #expect(ContinuousClock.now - began < Self.patience * 2)
            let threads = try threadCount()
            for _ in 0..<100 { _ = try await VolumeStoreRules.failure { _ = try await volumes.space() } }
            #expect(try threadCount() <= threads + 2, "a hung pool takes a thread for each call")
            try await Bench.mounted { other in
                let asked = ContinuousClock.now
                _ = try await other.volumes().clone(other.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
                #expect(ContinuousClock.now - asked < .seconds(10))
            }
            server.setSilent(false)
            try await waitUntil("the pool is back") { try await self.answers { _ = try await volumes.space() } }
            #expect(try await volumes.size(of: volume) == 1 << 30)
        }
    }

    /// The server falls silent while a disk is copied: the call is given up, and the pool refused until its thread is back.
    @Test func aCloneThatHangsHalfWayIsGivenUpAndMadeAnew() async throws {
        try await Bench.served { bench, server in
            let volumes = try bench.volumes(.fullCopy)
            let name = VolumeStoreRules.newName()
            let clone = Task { try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) }
            try await waitUntil("a partial file is there") {
                try FileManager.default.subpathsOfDirectory(atPath: server.directory).contains { $0.contains(".part-") }
            }
            server.setSilent(true)
            let failure = try await VolumeStoreRules.failure { _ = try await clone.value }
            #expect(failure.kind == .temporary && failure.detail?.contains("'\(Self.pool)'") == true, "\(failure)")
            #expect(await volumes.abandoned == 1)
            server.setSilent(false)
            try await waitUntil("the thread is back") { await volumes.abandoned == 0 }
            let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try await volumes.remains(of: name.guest).count == 1)
            _ = try await Command("qemu-img", ["compare", "-f", "qcow2", "-F", "qcow2", bench.image.path, volume.path]).run()
        }
    }

    private func answers(_ call: () async throws -> Void) async throws -> Bool {
        do { try await call() } catch is Failure { return false }
        return true
    }

    private func threadCount() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
}
