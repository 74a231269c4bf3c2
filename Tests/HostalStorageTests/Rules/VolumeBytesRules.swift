import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem
import Testing

/// What a guest finds in a volume.
extension VolumeStoreRules {
    static func aCloneReadsAsItsImageAndZeroesBeyond(_ bench: any BytesBench) async throws {
        let volume = try await bench.store.clone(bench.image, to: newName(), size: Gibibytes(2))
        try await expectOnlyTheImage(in: volume, bench)
        try await bench.store.remove(volume.name)
    }

    static func aGrownDiskKeepsItsBytesAndReadsZeroesBeyond(_ bench: any BytesBench) async throws {
        let volume = try await bench.store.clone(bench.image, to: newName(), size: Gibibytes(1))
        let end = 1023 << 20..<volume.size
        try await published(volume, bench).write(0xBB, end)
        let grown = try await bench.store.grow(volume, to: Gibibytes(2))
        let disk = try await published(grown, bench)
        #expect(try await disk.holds(0xBB, end))
        #expect(try await disk.holds(0, volume.size..<grown.size))
        try await bench.store.remove(volume.name)
    }

    /// Writes over all of a disk, and reads all of the next ones of the same size: under the same name, and under another.
    static func aNewDiskShowsNothingOfAnEarlierOne(_ bench: any BytesBench) async throws {
        let store = bench.store
        let earlier = try await store.clone(bench.image, to: newName(), size: Gibibytes(2))
        let disk = try await published(earlier, bench)
        try await disk.write(0xBB, 0..<earlier.size)
        try #require(try await disk.holds(0xBB, 0..<earlier.size), "nothing was overwritten")
        try await store.remove(earlier.name)
        for name in [earlier.name, newName()] {
            try await expectOnlyTheImage(in: try await store.clone(bench.image, to: name, size: Gibibytes(2)), bench)
            try await store.remove(name)
        }
    }

    /// A guest owns every byte of its disk, and may write there what tools take for another format's header with a file of the host's
    /// behind it.
    static func aHeaderThatAGuestWroteIsData(_ bench: any BytesBench) async throws {
        let (store, image, root) = (bench.store, bench.image, try TestDirectory())
        let secret = Array("root's alone: 5b0c27".utf8)
        let file = try root.file("secret", secret + [UInt8](repeating: 0, count: 65536))
        chmod(file, 0o600)
        let hostile = Array(QcowFixture(size: 1 << 30, backing: file, backingFormat: "raw").bytes.prefix(65536))
        let written = try root.file("written", hostile)
        let watch = try FileWatch(file)

        let name = newName()
        let volume = try await store.clone(image, to: name, size: Gibibytes(1))
        try await published(volume, bench).io(["write -s \(written) 0 64k"])
        #expect(try await store.clone(image, to: name, size: Gibibytes(1)) == volume)
        #expect(try await store.size(of: volume) == 1 << 30)
        let grown = try await store.grow(volume, to: Gibibytes(2))
        #expect(grown.backing == volume.backing && grown.format == volume.format)
        #expect(try await store.size(of: grown) == 2 << 30)
        #expect(try await published(grown, bench).beginning() == hostile)
        try await store.export(grown, snapshot: nil, to: root.directory.path(of: "copy.qcow2")) { _ in }
        #expect(try await OpenedDisk(file: root.directory.path(of: "copy.qcow2"), format: .qcow2).beginning() == hostile)
        if store.takesSnapshots {
            let moment = SnapshotName(order: OrderID(1))
            try await store.snapshot(grown, as: moment)
            try await store.export(grown, snapshot: moment, to: root.directory.path(of: "moment.qcow2")) { _ in }
            try await store.remove(moment, of: grown)
        }
        let flat = try await store.flatten(grown, report: { _ in })
        #expect(try await published(flat, bench).beginning() == hostile)
        // The reinstall's disk, beside the old one.
        let next = try await store.clone(image, to: VolumeName(guest: name.guest, generation: 2), size: Gibibytes(1))
        let fresh = try await published(next, bench).beginning()
        #expect(fresh != hostile && fresh.firstRange(of: secret) == nil)
        try await store.remove(name)
        #expect(try await store.remains(of: name.guest).count == 1)

        #expect(!watch.wasOpened(), "somebody opened the host's file")
        _ = try OpenFile(file, .read).bytes(1, at: 0)
        #expect(watch.wasOpened(), "the watch is blind")
    }

    private static func expectOnlyTheImage(in volume: Volume, _ bench: any BytesBench) async throws {
        let disk = try await published(volume, bench)
        #expect(try await disk.equals(bench.image))
        // The comparison believes what the storage says of holes; a guest reads them.
        #expect(try await disk.holds(0, sampleData..<volume.size))
    }

    static func published(_ volume: Volume, _ bench: any BytesBench) async throws -> OpenedDisk {
        try await bench.store.publish(volume)
        return try await bench.open(volume)
    }
}
