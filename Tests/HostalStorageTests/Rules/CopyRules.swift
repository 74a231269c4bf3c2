import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// What is true of copies of disks: files that they are exported to, and images that are copied into them.
extension VolumeStoreRules {
    private static let marks: [(UInt8, Range<Int64>)] = [
        // A part of a cluster, over the image's data; the boundary of two; beyond the image.
        (0x11, 1_060_864..<1_064_960), (0x22, (1 << 30) - 65536..<(1 << 30)), (0x33, 1_600_000_000..<1_600_065_536),
    ]
    private static let discarded: Range<Int64> = 2 << 20..<3 << 20
    /// What makes an image so large that copying it takes a while.
    private static let filled: Range<Int64> = 64 << 20..<448 << 20

    static func anExportedDiskReadsAsTheDisk(_ bench: any BytesBench) async throws {
        let (store, root) = (bench.store, try TestDirectory())
        let path = root.directory.path(of: "copy.qcow2")
        try Data("an earlier one".utf8).write(to: URL(filePath: path))
        try Data("half of one".utf8).write(to: URL(filePath: path + ".part-dead"))
        let volume = try await markedDisk(bench)
        let words = Mutex<[String]>([])
        try await store.export(volume, snapshot: nil, to: path) { word in words.withLock { $0.append(word) } }
        #expect(words.withLock { $0.last } == "the copy of the disk, 100 % done")
        #expect(try root.directory.names() == ["copy.qcow2"])
        #expect(mode(of: path) == 0o600)
        // Twice, and another disk by then.
        try await published(volume, bench).write(0x44, 1_800_000_000..<1_800_065_536)
        try await store.export(volume, snapshot: nil, to: path) { _ in }
        #expect(try root.directory.names() == ["copy.qcow2"])
        try await store.remove(volume.name)

        let header = try QcowHeader(OpenFile(path, .read).bytes(ImageSample.headLimit, at: 0))
        #expect(header.backing == nil && header.virtualSize == volume.size)
        let copy = OpenedDisk(file: path, format: .qcow2)
        try await expectMarks(in: copy)
        #expect(try await copy.holds(0x44, 1_800_000_000..<1_800_065_536))
        #expect(try await copy.holds(0, 1_900_000_000..<volume.size))
    }

    static func aCancelledExportLeavesNothing(_ bench: any BytesBench) async throws {
        let (store, root) = (bench.store, try TestDirectory())
        let path = root.directory.path(of: "copy.qcow2")
        let volume = try await store.clone(bench.image, to: newName(), size: Gibibytes(1))
        try await published(volume, bench).write(0x55, 0..<512 << 20)
        let hasBegun = Flag()
        let export = Task { try await store.export(volume, snapshot: nil, to: path) { _ in hasBegun.raise() } }
        try await waitUntil("the export has begun") { hasBegun.isRaised }
        let asked = ContinuousClock.now
        export.cancel()
        let failure = try await failure { try await export.value }
        #expect(failure.kind == .temporary && failure.code == .cancelled, "\(failure)")
        #expect(ContinuousClock.now - asked < .seconds(5))
        #expect(try root.directory.names() == [])
        try await store.export(volume, snapshot: nil, to: path) { _ in }
        #expect(try await OpenedDisk(file: path, format: .qcow2).holds(0x55, 0..<512 << 20))
        try await store.remove(volume.name)
    }

    static func aFlattenedDiskReadsTheSameAndNeedsItsImageNoMore(_ bench: any BytesBench) async throws {
        let store = bench.store
        let image = try ownImage(bench)
        let volume = try await markedDisk(bench, image)
        let flat = try await store.flatten(volume, report: { _ in })
        #expect(flat.backing == nil && flat.size == volume.size && flat.source == volume.source && flat.format == volume.format)
        // A worker that died before the record has the old row; so has a definition.
        #expect(try await store.flatten(volume, report: { _ in }) == flat)
        #expect(try await store.flatten(flat, report: { _ in }) == flat)
        #expect(try await store.size(of: volume) == volume.size)
        try await expectMarks(in: published(volume, bench))
        for _ in 1...2 { try await store.removeImage(image.digest) }
        try OpenFile(image.path, .read).unlink()
        try await expectMarks(in: published(flat, bench))
        let grown = try await store.grow(flat, to: Gibibytes(3))
        #expect(try await published(grown, bench).holds(0, volume.size..<grown.size))
        try await store.remove(volume.name)
        #expect(try await store.remains(of: volume.name.guest) == [])
    }

    /// The tool is killed as soon as it has copied something.
    static func aDiskThatIsHalfFlattenedIsWhole(_ bench: any BytesBench) async throws {
        let store = bench.store
        let image = try ownImage(bench)
        try await OpenedDisk(file: image.path, format: image.format).write(0x77, filled)
        let volume = try await markedDisk(bench, image)
        let (hasBegun, hasEnded) = (Flag(), Flag())
        let flatten = Task {
            defer { hasEnded.raise() }
            return try await store.flatten(volume) { if !$0.hasSuffix(", 0 % done") { hasBegun.raise() } }
        }
        try await waitUntil("it is under way, or over") { hasBegun.isRaised || hasEnded.isRaised }
        flatten.cancel()
        let outcome = await flatten.result
        // Where there is nothing to copy, or the storage does it by itself, it has come to its end.
        if volume.backing != nil {
            let failure = try await failure { _ = try outcome.get() }
            #expect(failure.kind == .temporary && failure.code == .cancelled, "\(failure)")
        }
        #expect(try await store.size(of: volume) == volume.size)
        try await expectMarks(in: published(volume, bench), isFilled: true)
        let flat = try await store.flatten(volume, report: { _ in })
        try await store.removeImage(image.digest)
        try OpenFile(image.path, .read).unlink()
        try await expectMarks(in: published(flat, bench), isFilled: true)
        try await store.remove(volume.name)
    }

    static func aPoolsCopyOfAnImageGoesOnceAndAlone(_ bench: any BytesBench) async throws {
        let store = bench.store
        let (mine, other) = (try ownImage(bench), bench.image)
        let gone = try await store.clone(mine, to: newName(), size: Gibibytes(1))
        let stays = try await store.clone(other, to: newName(), size: Gibibytes(1))
        if gone.backing != nil {
            let failure = try await failure { try await store.removeImage(mine.digest) }
            #expect(failure.isImageNeeded && failure.kind == .temporary, "\(failure)")
            #expect(failure.detail?.contains("\(gone.name)") == true, "\(failure)")
        } else {
            // Where a storage can tell, it says so; where it cannot, the image is not the pool's, and nothing happens to it.
            do { try await store.removeImage(mine.digest) } catch let failure as Failure {
                #expect(failure.isImageNeeded, "\(failure)")
            }
        }
        #expect(try await published(gone, bench).equals(mine))
        try await store.remove(gone.name)
        for _ in 1...2 { try await store.removeImage(mine.digest) }
        #expect(try await published(stays, bench).equals(other))
        let again = try await store.clone(mine, to: newName(), size: Gibibytes(1))
        #expect(try await published(again, bench).equals(mine))
        for name in [stays.name, again.name] { try await store.remove(name) }
        try await store.removeImage(mine.digest)
        try OpenFile(mine.path, .read).unlink()
    }

    /// A moment is kept, once, while the disk is written on; a pool that cannot says so and does nothing.
    static func aSnapshotKeepsItsBytes(_ bench: any BytesBench) async throws {
        let (store, root) = (bench.store, try TestDirectory())
        let path = root.directory.path(of: "copy.qcow2")
        let volume = try await markedDisk(bench)
        let name = SnapshotName(order: OrderID(Int64.random(in: 1..<1 << 40)))
        guard store.takesSnapshots else {
            let calls: [() async throws -> Void] = [
                { try await store.snapshot(volume, as: name) },
                { try await store.export(volume, snapshot: name, to: path) { _ in } },
            ]
            for call in calls {
                let failure = try await failure(call)
                #expect(failure.kind == .permanent && failure.code == .serviceError, "\(failure)")
            }
            try await store.remove(name, of: volume)
            #expect(try root.directory.names() == [])
            #expect(try await store.remains(of: volume.name.guest).count == 1)
            return try await store.remove(volume.name)
        }
        try await store.snapshot(volume, as: name)
        for (_, range) in marks { try await published(volume, bench).write(0x66, range) }
        try await store.snapshot(volume, as: name)
        try await store.export(volume, snapshot: name, to: path) { _ in }
        try await expectMarks(in: OpenedDisk(file: path, format: .qcow2))
        for _ in 1...2 { try await store.remove(name, of: volume) }
        for (_, range) in marks { #expect(try await published(volume, bench).holds(0x66, range)) }
        // One of an order that died goes with its disk.
        try await store.snapshot(volume, as: name)
        try await store.remove(volume.name)
        #expect(try await store.remains(of: volume.name.guest) == [])
    }

    /// A disk of 2 GiB with something of its own and something discarded.
    private static func markedDisk(
        _ bench: any BytesBench, _ image: StoredImage? = nil
    ) async throws -> Volume {
        let volume = try await bench.store.clone(image ?? bench.image, to: newName(), size: Gibibytes(2))
        let disk = try await published(volume, bench)
        for (mark, range) in marks { try await disk.write(mark, range) }
        try await disk.io(["write -z \(discarded.lowerBound) \(discarded.count)"])
        return volume
    }

    private static func expectMarks(in disk: OpenedDisk, isFilled: Bool = false) async throws {
        for (mark, range) in marks { #expect(try await disk.holds(mark, range), "\(mark)") }
        #expect(try await disk.holds(0, discarded))
        // Of the image.
        let beginning = try await disk.beginning()
        #expect(beginning == Array(patternedDisk(size: Int(sampleData)).prefix(65536)))
        #expect(try await disk.holds(0, sampleData..<filled.lowerBound))
        #expect(try await disk.holds(isFilled ? 0x77 : 0, filled))
        #expect(try await disk.holds(0, filled.upperBound..<marks[1].1.lowerBound))
        #expect(try await disk.holds(0, 1 << 30..<marks[2].1.lowerBound))
    }

    /// The bench's image under another digest, which no other rule uses.
    private static func ownImage(_ bench: any BytesBench) throws -> StoredImage {
        let hex = (UUID().uuidString + UUID().uuidString).lowercased().filter { $0 != "-" }
        let digest = try #require(Digest(hex: hex))
        let directory = bench.image.path.prefix(upTo: try #require(bench.image.path.lastIndex(of: "/")))
        var image = bench.image
        image.digest = digest
        image.path = "\(directory)/\(digest.hex).\(image.format.rawValue)"
        try FileManager.default.copyItem(atPath: bench.image.path, toPath: image.path)
        return image
    }
}

private final class Flag: Sendable {
    private let state = Mutex(false)
    var isRaised: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
