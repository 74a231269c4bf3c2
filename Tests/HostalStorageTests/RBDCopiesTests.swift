import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

extension RBDVolumesTests {
    private static let moment = SnapshotName(order: OrderID(7))
    private static let data: Range<Int64> = 0..<1 << 20

    /// The writer has the disk open all the time, as a guest has.
    @Test func aSnapshotIsWhatTheDiskWasWhileAWriterGoesOn() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        #expect(volumes.takesSnapshots)
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        let writer = try await ChildProcess.start(
            "qemu-io", ["-f", "raw", "-c", "write -P 170 0 1M", "-c", "flush", "-c", "sleep 600000", try bench.file(volume)],
            output: bench.root.directory.path(of: "writer.log"))
        try await waitUntil("the first bytes are written", within: .seconds(30)) {
            try await bench.open(volume).holds(0xAA, Self.data)
        }
        try await volumes.snapshot(volume, as: Self.moment)
        try await bench.open(volume).write(0xBB, Self.data)
        try await volumes.snapshot(volume, as: Self.moment)

        let path = bench.root.directory.path(of: "export")
        try await volumes.export(volume, snapshot: Self.moment, to: path, report: { _ in })
        #expect(try await OpenedDisk(file: path, format: .qcow2).holds(0xAA, Self.data))
        #expect(try await bench.open(volume).holds(0xBB, Self.data))
        #expect(await writer.isRunning, "nobody had the disk open")
        for _ in 1...2 { try await volumes.remove(Self.moment, of: volume) }
        #expect(try await bench.ceph.rbd(["snap", "ls", bench.spec(volume.name)]) == "")
        let failure = try await VolumeStoreRules.failure {
            try await volumes.export(volume, snapshot: Self.moment, to: path, report: { _ in })
        }
        #expect(failure.kind == .needsOperator, "\(failure)")
        await writer.kill9()
    }

    @Test func anExportIsTheDiskAndNeedsTheClusterNoMore() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(2))
        try await bench.open(volume).write(0xCC, 1 << 30..<(1 << 30) + 65536)
        let path = try bench.root.file("export", [UInt8](repeating: 7, count: 1 << 20))
        let told = Mutex<Set<String>>([])
        for _ in 1...2 {
            try await volumes.export(volume, snapshot: nil, to: path) { words in told.withLock { _ = $0.insert(words) } }
            let image = StoredImage(digest: bench.image.digest, path: path, format: .qcow2, virtualSize: 2 << 30)
            #expect(try await bench.open(volume).equals(image))
            #expect(try FileMode(path).isOpenToOthers == false)
        }
        #expect(told.withLock { $0.contains("the copy of the disk, 100 % done") }, "\(told.withLock { $0 })")
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.root.directory.path(of: "work")) == [])
        try await volumes.remove(volume.name)
        let failure = try await VolumeStoreRules.failure {
            try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        }
        #expect(failure.kind == .needsOperator && failure.detail?.contains("'\(Samples.pool)'") == true, "\(failure)")
    }

    @Test func aCancelledExportLeavesNothing() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.open(volume).write(0xCC, 0..<512 << 20)
        let path = bench.root.directory.path(of: "export")
        let export = Task { try await volumes.export(volume, snapshot: nil, to: path, report: { _ in }) }
        try await waitUntil("the copy has begun") { exportHasBegun(path) }
        export.cancel()
        let failure = try await VolumeStoreRules.failure { try await export.value }
        #expect(failure.code == .cancelled, "\(failure)")
        #expect(!FileManager.default.fileExists(atPath: path) && !exportHasBegun(path))
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.root.directory.path(of: "work")) == [])
    }

    /// The child dies by SIGKILL as soon as its file is there.
    @Test func whatAKilledExportLeftIsReplacedAndGoesWithTheDisk() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.open(volume).write(0xCC, 0..<256 << 20)
        let (settings, images, work) = (bench.settings, bench.images.path, bench.root.directory.path(of: "work"))
        let path = bench.root.directory.path(of: "export")
        _ = await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                monitors = settings.monitors as String, keyring = settings.keyringPath as String, images = images as String,
                volume = volume as Volume, work = work as String, path = path as String,
            ] in
            let volumes = try RBDVolumes(
                name: Samples.pool, settings: RBDPoolSettings(monitors: monitors, pool: "vps", user: "vps", keyring: keyring),
                images: try #require(Directory(images)), work: try #require(Directory(work)), headroom: 0)
            let export = Task { try await volumes.export(volume, snapshot: nil, to: path, report: { _ in }) }
            let end = ContinuousClock.now + .seconds(60)
            while ContinuousClock.now < end {
                if exportHasBegun(path) { kill(getpid(), SIGKILL) }
                await Task.yield()
            }
            _ = try await export.value
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: work).contains("\(volume.name).conf"))
        try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        let image = StoredImage(digest: bench.image.digest, path: path, format: .qcow2, virtualSize: 1 << 30)
        #expect(try await bench.open(volume).equals(image))
        try Data().write(to: URL(filePath: "\(work)/\(volume.name).conf"))
        try await volumes.remove(volume.name)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work) == [])
    }

    @Test func aDiskWithAForeignSnapshotIsKeptAndOursGoWithIt() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await volumes.snapshot(volume, as: Self.moment)
        try await bench.ceph.rbd(["snap", "create", "\(bench.spec(volume.name))@before-the-update"])
        let failure = try await VolumeStoreRules.failure { try await volumes.remove(volume.name) }
        #expect(failure.kind == .needsOperator && failure.message.contains("snapshots"), "\(failure)")
        #expect(try await bench.ceph.rbd(["snap", "ls", bench.spec(volume.name)]).contains("before-the-update"))
        try await bench.ceph.rbd(["snap", "rm", "\(bench.spec(volume.name))@before-the-update"])
        try await volumes.snapshot(volume, as: Self.moment)
        try await volumes.remove(volume.name)
        #expect(try await volumes.remains(of: volume.name.guest) == [])
    }

    /// The way of an image out of the pool: refused while a disk reads from it, and gone when the last one stands on its own.
    @Test func anImageStaysWhileADiskNeedsItAndGoesOnceNoneDoes() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(2))
        let failure = try await VolumeStoreRules.failure { try await volumes.removeImage(bench.image.digest) }
        #expect(failure.kind == .temporary && failure.detail?.contains("vol-\(volume.name)") == true, "\(failure)")
        // Refused without a trace: another disk can be made.
        let other = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.ceph.rbd(["trash", "mv", bench.spec(other.name)])
        let told = Mutex<Set<String>>([])
        for _ in 1...2 {
            #expect(try await volumes.flatten(volume) { words in told.withLock { _ = $0.insert(words) } } == volume)
        }
        #expect(told.withLock { $0.contains { $0.wholeMatch(of: /the copy of the image into the disk, \d+ % done/) != nil } })
        // One in Ceph's trash can come back, and needs it then.
        let trashed = try await VolumeStoreRules.failure { try await volumes.removeImage(bench.image.digest) }
        #expect(trashed.kind == .temporary && trashed.detail?.contains("vol-\(other.name)") == true, "\(trashed)")
        try await bench.ceph.rbd(["trash", "rm", try await Self.trashed("vol-\(other.name)", bench)])
        for _ in 1...2 { try await volumes.removeImage(bench.image.digest) }
        #expect(try await bench.ceph.images().allSatisfy { !$0.contains(bench.base) })
        #expect(try await bench.open(volume).equals(bench.image))
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.root.directory.path(of: "work")) == [])
        _ = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
    }

    @Test func anImageWithAForeignSnapshotIsKept() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await volumes.remove(volume.name)
        try await bench.ceph.rbd(["snap", "create", "\(bench.ceph.pool)/\(bench.base)@by-hand"])
        let failure = try await VolumeStoreRules.failure { try await volumes.removeImage(bench.image.digest) }
        #expect(failure.kind == .needsOperator && failure.detail?.contains("by-hand") == true, "\(failure)")
        _ = try await volumes.clone(bench.image, to: volume.name, size: Gibibytes(1))
    }

    /// As workers leave it that die after the image has lost its name, without and with a disk that was begun just before.
    @Test func aRemovalOfAnImageThatWasCutOffIsFinishedAndTakesNothingFromADisk() async throws {
        let bench = try await Self.bench()
        let volumes = try bench.volumes()
        let partial = "\(bench.base).part-dead"
        func cutOff() async throws {
            try await bench.ceph.rbd(["mv", "\(bench.ceph.pool)/\(bench.base)", "\(bench.ceph.pool)/\(partial)"])
            try Data().write(to: URL(filePath: bench.root.directory.path(of: "work/\(partial)")))
        }
        let first = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await cutOff()
        try await volumes.removeImage(bench.image.digest)
        let second = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.expectPartials([partial])
        for volume in [first, second] { #expect(try await bench.open(volume).equals(bench.image)) }
        _ = try await volumes.flatten(first, report: { _ in })
        try await volumes.remove(second.name)
        try await volumes.removeImage(bench.image.digest)
        _ = try await volumes.clone(bench.image, to: second.name, size: Gibibytes(1))
        try await bench.expectPartials([])
        #expect(try await bench.open(first).equals(bench.image))
    }

    private static func trashed(_ name: String, _ bench: RBDBench) async throws -> String {
        let lines = try await bench.ceph.rbd(["trash", "ls", bench.ceph.pool]).split(separator: "\n")
        let line = try #require(lines.first { $0.hasSuffix(" \(name)") })
        return "\(bench.ceph.pool)/\(line.prefix { $0 != " " })"
    }
}
