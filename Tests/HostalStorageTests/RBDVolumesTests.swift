import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// Against a real cluster, which takes a quarter of a minute to start: only with HOSTAL_CEPH=1.
@Suite(.serialized, .enabled(if: CephCluster.isAskedFor)) struct RBDVolumesTests {
    private static let cluster = Task { try await CephCluster() }

    static func bench(_ format: DiskFormat = .qcow2) async throws -> RBDBench {
        try await RBDBench(cluster: cluster.value, format: format)
    }

    /// Others are unpacked on their way into the pool.
    @Test func aRawImageIsTakenAsItIs() async throws {
        let bench = try await Self.bench(.raw)
        try await VolumeStoreRules.aCloneReadsAsItsImageAndZeroesBeyond(bench)
        try await VolumeStoreRules.aNewDiskShowsNothingOfAnEarlierOne(bench)
        try await bench.expectPartials([])
    }

    /// Both bring the image, and one of them wins. Ceph answers yes to both about once in five times.
    @Test func twoHostsAtOnceMakeOneImageAndOneVolume() async throws {
        let bench = try await Self.bench()
        for _ in 0..<10 { try await VolumeStoreRules.twoStoresAtOnceMakeOneVolume(bench) }
        try await bench.expectPartials([])
        let made = try await bench.ceph.images().filter { $0.contains(bench.base) }
        #expect(made == [bench.base])
        for host in ["work", "other"] {
            let left = try FileManager.default.contentsOfDirectory(atPath: bench.root.directory.path(of: host))
            #expect(left == [], "an unpacked image or a lock is left")
        }
    }

    @Test func aVolumeOfAnotherImageIsRefusedAndKept() async throws {
        let bench = try await Self.bench()
        let name = VolumeStoreRules.newName()
        let made = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        let other = try await Self.bench()
        let failure = try await VolumeStoreRules.failure {
            _ = try await other.volumes().clone(other.image, to: name, size: Gibibytes(1))
        }
        #expect(failure.kind == .needsOperator && failure.detail?.contains(bench.image.digest.hex) == true, "\(failure)")
        #expect(try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1)) == made)
    }

    /// A disk that a guest runs from stays, and so does the image below it.
    @Test func aDiskInUseIsNotRemovedAndAnImageWithClonesNever() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let guest = try await ChildProcess.start(
            "qemu-io", ["-f", "raw", "-c", "write 0 4k", "-c", "sleep 600000", try bench.file(volume)],
            output: bench.root.directory.path(of: "guest.log"))
        try await waitUntil("the disk is open", within: .seconds(30)) {
            try await bench.ceph.rbd(["status", bench.spec(volume.name)]).contains("watcher=")
        }
        let failure = try await VolumeStoreRules.failure { try await volumes.remove(volume.name) }
        #expect(failure.kind == .temporary && failure.message.contains("still in use"), "\(failure)")
        #expect(try await volumes.size(of: volume) == 1 << 30)
        await guest.kill9()
        await #expect(throws: CommandError.self) { try await bench.ceph.rbd(["rm", "\(bench.ceph.pool)/\(bench.base)"]) }
        // A watcher that was killed counts for half a minute more.
        try await waitUntil("the disk is removed", within: .seconds(60)) {
            do { try await volumes.remove(volume.name) } catch let failure as Failure {
                #expect(failure.kind == .temporary, "\(failure)")
                return false
            }
            return true
        }
        #expect(try await volumes.remains(of: volume.name.guest) == [])
    }

    @Test func whatDeadWorkersLeftIsRemovedByTheNext() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let first = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let name = VolumeStoreRules.newName()
        let partial = "vol-\(name).part-dead"
        for made in [partial, "vol-\(first.name).part-dead"] {
            try await bench.ceph.rbd(["clone", "\(bench.ceph.pool)/\(bench.base)@base", "\(bench.ceph.pool)/\(made)"])
        }
        #expect(try await volumes.remains(of: name.guest).count == 1)
        _ = try await volumes.clone(bench.image, to: name, size: Gibibytes(2))
        try await bench.expectPartials(["vol-\(first.name).part-dead"])
        try await volumes.remove(first.name)
        try await bench.expectPartials([])

        // A half image of this host, which its file gives away, and one that another host may be at work on.
        let (own, foreign) = ("image-\(String(repeating: "b", count: 64)).part-own", "image-\(bench.image.digest.hex).part-other")
        try Data().write(to: URL(filePath: bench.root.directory.path(of: "work/\(own)")))
        for made in [own, foreign] { try await bench.ceph.rbd(["create", "--size", "1M", "\(bench.ceph.pool)/\(made)"]) }
        var another = try await Self.bench().image
        let path = bench.images.path(of: "another.qcow2")
        _ = try await Command("cp", [bench.image.path, path]).run()
        another.path = path
        _ = try await volumes.clone(another, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.expectPartials([foreign])
        try await bench.ceph.rbd(["rm", "\(bench.ceph.pool)/\(foreign)"])
    }

    /// The child dies by SIGKILL as soon as its half image is in the pool.
    @Test func anImportKilledInTheMiddleIsNeverUsed() async throws {
        let bench = try await Self.bench()
        let name = VolumeStoreRules.newName()
        let (settings, images, image) = (bench.settings, bench.images.path, bench.image)
        let (work, ceph) = (bench.root.directory.path(of: "work"), bench.ceph.directory)
        _ = await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                monitors = settings.monitors as String, keyring = settings.keyringPath as String, images = images as String,
                image = image as StoredImage, name = name as VolumeName, work = work as String, ceph = ceph as String,
            ] in
            let volumes = try RBDVolumes(
                name: Samples.pool, settings: RBDPoolSettings(monitors: monitors, pool: "vps", user: "vps", keyring: keyring),
                images: try #require(Directory(images)), work: try #require(Directory(work)), headroom: 0)
            let clone = Task { try await volumes.clone(image, to: name, size: Gibibytes(1)) }
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end {
                let list = try await Command("rbd", ["--conf", "\(ceph)/ceph.conf", "ls", "vps"]).run()
                if list.contains("image-\(image.digest.hex).part-") { kill(getpid(), SIGKILL) }
            }
            _ = try await clone.value
        }
        #expect(try await bench.ceph.images().contains { $0.hasPrefix("\(bench.base).part-") })
        let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
        #expect(try await bench.open(volume).equals(bench.image))
        #expect(try await bench.ceph.images().contains(bench.base))
    }

    /// Ceph lists an image whose removal was cut off by its name, and shows nothing else of it.
    @Test func aRemovalThatWasCutOffIsFinished() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let name = VolumeStoreRules.newName()
        try await bench.ceph.rbd(["create", "--size", "200G", "--image-feature", "layering", bench.spec(name)])
        try await bench.ceph.rbd(["image-meta", "set", bench.spec(name), "hostal.volume", "\(name)"])
        let rbd = try await ChildProcess.start(
            "rbd", ["--conf", "\(bench.ceph.directory)/ceph.conf", "rm", "--no-progress", bench.spec(name)],
            output: bench.root.directory.path(of: "rm.log"))
        try await waitUntil("the removal has begun", within: .seconds(30)) {
            do { _ = try await bench.ceph.rbd(["info", bench.spec(name)]) } catch { return true }
            return false
        }
        await rbd.kill9()
        try #require(try await volumes.remains(of: name.guest).count == 1)
        try await waitUntil("the disk is removed", within: .seconds(90)) {
            do { try await volumes.remove(name) } catch let failure as Failure {
                #expect(failure.kind == .temporary, "\(failure)")
                return false
            }
            return true
        }
        #expect(try await volumes.remains(of: name.guest) == [])
    }

    @Test func whatWasPutIntoTheTrashByHandIsNamedAndKept() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.ceph.rbd(["trash", "mv", bench.spec(volume.name)])
        #expect(try await volumes.remains(of: volume.name.guest).first?.contains("trash") == true)
        let failure = try await VolumeStoreRules.failure { try await volumes.remove(volume.name) }
        #expect(failure.kind == .needsOperator && failure.detail?.contains("trash") == true, "\(failure)")
    }

    @Test func wrongSettingsNeedAnOperatorAndNothingIsAbsent() async throws {
        let bench = try await Self.bench()
        let name = VolumeStoreRules.newName()
        let wrong = try bench.root.file("wrong", Array("[client.vps]\n\tkey = AQBAAAAAAAAAABAAkBpUqDk1kd5P0LpRlWzZxA==\n".utf8))
        var (key, keyring, pool) = (bench.settings, bench.settings, bench.settings)
        key.keyring = wrong
        keyring.keyring = "/absent"
        pool.pool = "absent"
        for settings in [key, keyring, pool] {
            let volumes = try bench.volumes(settings: settings)
            for failure in [
                try await VolumeStoreRules.failure { try await volumes.remove(name) },
                try await VolumeStoreRules.failure { _ = try await volumes.remains(of: name.guest) },
                try await VolumeStoreRules.failure { _ = try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) },
            ] {
                #expect(failure.kind == .needsOperator && failure.message.contains("settings"), "\(failure)")
                #expect(!failure.message.contains("/") && failure.detail?.contains("'\(Samples.pool)'") == true, "\(failure)")
                #expect("\(failure)".contains("AQBA") == false)
            }
        }
        let volumes = try bench.volumes(settings: keyring)
        #expect(try await VolumeStoreRules.failure { _ = try await volumes.secret(of: name.guest) }.kind == .needsOperator)
    }

    @Test func aReserveThatWouldBeTouchedRefusesTheClone() async throws {
        let bench = try await Self.bench()
        let name = VolumeStoreRules.newName()
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.volumes(headroom: 1 << 40).clone(bench.image, to: name, size: Gibibytes(1))
        }
        #expect(failure.code == .storageFull && failure.kind == .permanent)
        #expect(try await bench.ceph.images().allSatisfy { !$0.contains(bench.image.digest.hex) })
    }

    /// Monitors answer, and nobody else: a call ends within the time that the tools give an answer.
    @Test func whileTheOnlyOSDIsDownNothingIsAbsent() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.ceph.control("kill-osd")
        let failure = try await VolumeStoreRules.failure { try await volumes.remove(volume.name) }
        #expect(failure.kind == .temporary && failure.detail?.contains("'\(Samples.pool)'") == true, "\(failure)")
        try await bench.ceph.control("start-osd")
        #expect(try await volumes.remains(of: volume.name.guest).count == 1)
        try await volumes.remove(volume.name)
    }
}
