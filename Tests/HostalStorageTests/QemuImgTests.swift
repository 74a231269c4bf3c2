import FoundationEssentials
import Glibc
import HostalModel
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

@Suite struct QemuImgTests {
    private let root: TestDirectory
    init() throws { root = try TestDirectory() }

    private func source(mebibytes: Int) throws -> String {
        let path = try root.file("source.raw", patternedDisk(size: mebibytes << 20))
        chmod(path, 0o444)
        return path
    }

    @Test func aCopyTellsHowFarItHasComeAndBelongsToRoot() async throws {
        let source = try source(mebibytes: 64)
        let target = root.directory.path(of: "copy.qcow2")
        let seen = Mutex<[Int64]>([])
        try await QemuImg().convert(.file(source, .raw), to: target, size: 64 << 20) { progress in
            #expect(progress.bytesTotal == 64 << 20)
            seen.withLock { $0.append(progress.bytesDone) }
        }
        let steps = seen.withLock { $0 }
        #expect(steps.count > 10 && steps == steps.sorted() && steps.last == 64 << 20, "\(steps)")
        let facts = try FileFacts(target)
        #expect(facts.owner == 0 && facts.group == 0 && facts.mode == 0o600)
        _ = try await Command("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", source, target]).run()
    }

    /// 64 MiB at 4 MiB/s take 16 s: it ends because it was told to, and within the second.
    @Test func aCancelledCopyEndsAtOnceAndLeavesNothing() async throws {
        let source = try source(mebibytes: 64)
        let target = root.directory.path(of: "copy.qcow2")
        let moved = Mutex<Int64>(0)
        let task = Task {
            try await QemuImg().convert(.file(source, .raw), to: target, size: 64 << 20, rate: 4 << 20) { progress in
                moved.withLock { $0 = progress.bytesDone }
            }
        }
        try await waitUntil("it has copied something") { moved.withLock { $0 } > 0 }
        let asked = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - asked < .seconds(1))
        #expect(try root.directory.names() == ["source.raw"])
    }

    @Test func aRateSlowsACopyDown() async throws {
        let source = try source(mebibytes: 8)
        let target = root.directory.path(of: "copy.qcow2")
        let took = try await ContinuousClock().measure {
            try await QemuImg().convert(.file(source, .raw), to: target, size: 8 << 20, rate: 4 << 20)
        }
        #expect(took > .seconds(1), "\(took)")
    }

    /// All L2 entries of the file name one cluster. Nobody who inspected it would convert it; the limit on the result stops it anyway.
    @Test func aBombFillsNoDisk() async throws {
        let bytes = try #require(HostileImage.all(secret: "/x").first { $0.name == "bomb-one-cluster-8GiB.qcow2" }).bytes
        let source = try root.file("bomb", bytes)
        let target = root.directory.path(of: "copy.qcow2")
        await #expect(throws: CommandError.self) {
            try await QemuImg().convert(.file(source, .qcow2), to: target, size: 16 << 20)
        }
        #expect(try root.directory.names() == ["bomb"])
    }

    /// A raw disk begins with what its guest wrote there. Named raw it is copied, measured and grown as raw, and nothing else is opened.
    @Test func aRawDiskWithAHeaderInItIsCopiedAsItIs() async throws {
        let secret = "root's alone: 77ab31"
        let file = try root.file("secret", Array(secret.utf8) + [UInt8](repeating: 0, count: 65536))
        chmod(file, 0o600)
        let hostile = QcowFixture(size: 1 << 30, backing: file, backingFormat: "raw").bytes
        let disk = try root.file("disk.raw", hostile)
        // As disks of servers are.
        chmod(disk, 0o600)
        let target = root.directory.path(of: "copy.qcow2")
        let image = try ToolImage.file(disk, .raw)
        #expect(try await QemuImg().sizeOfCopy(of: image) < 8 << 20)
        try await QemuImg().convert(image, to: target, size: Int64(hostile.count))
        let raw = root.directory.path(of: "read.raw")
        _ = try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", target, raw]).run()
        #expect(try Data(contentsOf: URL(filePath: raw)) == Data(hostile))
        #expect(try await !HostalStorageTests.file(target, contains: secret))
        // Were it probed, it would be a qcow2 disk of 1 GiB.
        #expect(try QcowHeader(OpenFile(target, .read).bytes(ImageSample.headLimit, at: 0)).virtualSize == Int64(hostile.count))
    }

    @Test func noMoreThanSoManyCopiesRunAtOnce() async throws {
        let slots = CopySlots(directory: root.directory, limit: 2)
        guard let first = try slots.take(), let second = try slots.take() else { throw NotInTime(what: "two", limit: .zero) }
        if try slots.take() != nil { Issue.record("a third was let in") }
        if try await slots.take(within: .milliseconds(300)) != nil { Issue.record("a third was let in") }
        first.release()
        if try await slots.take(within: .seconds(5)) == nil { Issue.record("a free slot was not found") }
        second.release()
    }
}
