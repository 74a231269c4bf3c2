import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// Somebody removes an image by hand that disks are made of.
@Suite struct MissingImageTests {
    @Test func aDiskOverItIsLeftAloneAndWorksAgainWhenItIsBack() async throws {
        let bench = try await LocalBench()
        let store = bench.store
        let volume = try await store.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        try await bench.open(volume).write(0x5a, 8 << 20..<9 << 20)
        let (disk, image) = (
            try Data(contentsOf: URL(filePath: volume.path)), try Data(contentsOf: URL(filePath: bench.image.path))
        )
        try FileManager.default.removeItem(atPath: bench.image.path)
        let copy = bench.root.directory.path(of: "copy.qcow2")
        let calls: [(String, () async throws -> Void)] = [
            ("start", { try await store.publish(volume) }),
            ("grow", { _ = try await store.grow(volume, to: Gibibytes(2)) }),
            ("size", { _ = try await store.size(of: volume) }),
            ("export", { try await store.export(volume, snapshot: nil, to: copy) { _ in } }),
            ("flatten", { _ = try await store.flatten(volume, report: { _ in }) }),
        ]
        for (call, body) in calls {
            let failure = try await VolumeStoreRules.failure(body)
            #expect(failure.kind == .needsOperator && failure.code == .imageUnavailable, "\(call): \(failure)")
            #expect(!failure.message.contains("/"), "\(call)")
            #expect(failure.detail?.contains("\(bench.image.digest)") == true, "\(call): \(failure)")
        }
        #expect(try Data(contentsOf: URL(filePath: volume.path)) == disk)
        #expect(try bench.names() == [".hostal-pool", "\(volume.name).qcow2"])
        try image.write(to: URL(filePath: bench.image.path))
        try await store.publish(volume)
        #expect(try await bench.open(volume).holds(0x5a, 8 << 20..<9 << 20))
        // Destroying one needs no image.
        try FileManager.default.removeItem(atPath: bench.image.path)
        try await store.remove(volume.name)
        #expect(try await store.remains(of: volume.name.guest) == [])
    }

    @Test(arguments: [LocalVolumes.Cloning.overlay, .fullCopy]) func aNewDiskOfItIsRefused(_ cloning: LocalVolumes.Cloning)
        async throws
    {
        let bench = try await LocalBench(cloning)
        try FileManager.default.removeItem(atPath: bench.image.path)
        let failure = try await VolumeStoreRules.failure {
            _ = try await bench.store.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
        }
        #expect(failure.kind == .permanent && failure.code == .imageUnavailable, "\(failure)")
        #expect(failure.detail?.contains("\(bench.image.digest)") == true, "\(failure)")
        #expect(try bench.names() == [".hostal-pool"])
    }

    /// The copy has the file open: it is whole, although the image's name goes before it has begun to write.
    @Test func aCopyThatIsUnderWayBecomesWhole() async throws {
        let bench = try await LocalBench(.fullCopy)
        let content = try Data(contentsOf: URL(filePath: bench.image.path))
        let isGone = Mutex(false)
        let path = bench.image.path
        let volume = try await bench.store.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1)) { _ in
            isGone.withLock { gone in
                if !gone { gone = (try? FileManager.default.removeItem(atPath: path)) != nil }
            }
        }
        #expect(isGone.withLock { $0 })
        #expect(try bench.names() == [".hostal-pool", "\(volume.name).qcow2"])
        try content.write(to: URL(filePath: path))
        #expect(try await bench.open(volume).equals(bench.image))
    }
}
