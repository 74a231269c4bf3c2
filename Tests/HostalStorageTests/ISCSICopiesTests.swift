import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// Copies of disks, against a real tgtd.
@Suite struct ISCSICopiesTests {
    private static func volume(of bench: ISCSIBench, written: Int64 = 0) async throws -> Volume {
        let volume = try await bench.store.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        if written > 0 {
            try await bench.store.publish(volume)
            try await bench.open(volume).write(0xCC, 0..<written)
        }
        return volume
    }

    /// Also of a disk that was never published, and of one that another host has published.
    @Test func anExportIsTheDiskAndNeedsTheServerNoMore() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await Self.volume(of: bench)
        let path = try bench.root.file("export", [UInt8](repeating: 7, count: 1 << 20))
        try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        try await bench.open(volume).write(0xBB, 1 << 20..<2 << 20)
        try await bench.volumes(host: "kvm2").publish(volume)
        try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        let image = StoredImage(digest: bench.image.digest, path: path, format: .qcow2, virtualSize: 1 << 30)
        #expect(try await bench.open(volume).equals(image))
        #expect(try FileMode(path).isOpenToOthers == false)
        try await volumes.remove(volume.name)
        #expect(try await OpenedDisk(file: path, format: .qcow2).holds(0xBB, 1 << 20..<2 << 20))
        #expect(try bench.workFiles == [])
    }

    @Test func aCancelledExportLeavesNothing() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await Self.volume(of: bench, written: 512 << 20)
        let path = bench.root.directory.path(of: "export")
        let export = Task { try await volumes.export(volume, snapshot: nil, to: path, report: { _ in }) }
        try await waitUntil("the copy has begun") { exportHasBegun(path) }
        export.cancel()
        let failure = try await VolumeStoreRules.failure { try await export.value }
        #expect(failure.code == .cancelled, "\(failure)")
        #expect(!FileManager.default.fileExists(atPath: path) && !exportHasBegun(path))
        #expect(try bench.workFiles == [])
    }

    /// QEMU's initiator would wait for a target that is gone for ever.
    @Test func anExportWhoseServerIsRestartedEndsAndLeavesNothing() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await Self.volume(of: bench, written: 512 << 20)
        let path = bench.root.directory.path(of: "export")
        let export = Task { try await volumes.export(volume, snapshot: nil, to: path, report: { _ in }) }
        try await waitUntil("the copy has begun") { exportHasBegun(path) }
        await bench.server.kill9()
        let began = ContinuousClock.now
        let failure = try await VolumeStoreRules.failure { try await export.value }
        #expect(failure.kind == .temporary && failure.detail?.contains("pool 'lun-test'") == true, "\(failure)")
        #expect(ContinuousClock.now - began < .seconds(20))
        #expect(!FileManager.default.fileExists(atPath: path) && !exportHasBegun(path))
        try await bench.server.start()
        try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        #expect(try await OpenedDisk(file: path, format: .qcow2).holds(0xCC, 0..<512 << 20))
    }

    /// The child dies by SIGKILL as soon as its file is there.
    @Test func whatAKilledExportLeftIsReplacedAndGoesWithTheDisk() async throws {
        let bench = try await ISCSIBench()
        let volumes = try bench.volumes()
        let volume = try await Self.volume(of: bench, written: 256 << 20)
        let path = bench.root.directory.path(of: "export")
        let settings = String(decoding: try JSONEncoder().encode(bench.settings), as: UTF8.self)
        let (root, images) = (bench.root.path, bench.images.path)
        _ = await #expect(processExitsWith: .signal(SIGKILL)) {
            [
                volume = volume as Volume, settings = settings as String, root = root as String, images = images as String,
                path = path as String,
            ] in
            let settings = try ISCSIPoolSettings(json: settings)
            let pool = PoolName("lun-test")
            let volumes = try ISCSIVolumes(
                name: pool, settings: settings, driver: TgtDriver(pool: pool, settings: settings), host: "kvm1",
                images: try #require(Directory(images)), work: try #require(Directory("\(root)/work-kvm1")), headroom: 0)
            let export = Task { try await volumes.export(volume, snapshot: nil, to: path, report: { _ in }) }
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end {
                if exportHasBegun(path) { kill(getpid(), SIGKILL) }
                await Task.yield()
            }
            _ = try await export.value
        }
        #expect(try bench.workFiles.contains("\(volume.name).chap"))
        try await volumes.export(volume, snapshot: nil, to: path, report: { _ in })
        #expect(try await OpenedDisk(file: path, format: .qcow2).holds(0xCC, 0..<256 << 20))
        try Data().write(to: URL(filePath: "\(root)/work-kvm1/\(volume.name).chap"))
        try await volumes.remove(volume.name)
        #expect(try bench.workFiles == [])
    }

    @Test func aDiskStandsOnItsOwnAndHasNoSnapshots() async throws {
        let bench = try await ISCSIBench()
        let volume = try await Self.volume(of: bench)
        let (store, moment) = (bench.store, SnapshotName(order: OrderID(7)))
        #expect(!store.takesSnapshots)
        for failure in [
            try await VolumeStoreRules.failure { try await store.snapshot(volume, as: moment) },
            try await VolumeStoreRules.failure {
                try await store.export(
                    volume, snapshot: moment, to: bench.root.directory.path(of: "export"), report: { _ in })
            },
        ] { #expect(failure.kind == .permanent && failure.code == .serviceError, "\(failure)") }
        try await store.remove(moment, of: volume)
        #expect(try await store.flatten(volume, report: { _ in }) == volume)
        try await store.removeImage(bench.image.digest)
        #expect(try await store.size(of: volume) == 1 << 30)
        try await store.remove(volume.name)
        let failure = try await VolumeStoreRules.failure { _ = try await store.flatten(volume, report: { _ in }) }
        #expect(failure.kind == .needsOperator, "\(failure)")
    }
}

extension ISCSIBench {
    /// Of the first host.
    var workFiles: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "\(root.path)/work-kvm1") }
    }
}
