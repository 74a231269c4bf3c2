import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// Images that other systems' writers made, from the file to the library.
@Suite struct ForeignImportTests {
    private let root: TestDirectory
    private let directory: Directory
    private let library: ImageLibrary

    init() throws {
        root = try TestDirectory()
        directory = try root.subdirectory("library")
        var limits = TransferLimits()
        limits.headroom = 0
        library = ImageLibrary(directory: directory, limits: limits)
    }

    private static let written: [(ImportFormat, String, [String])] = [
        (.vmdk, "vmdk", ["-o", "subformat=monolithicSparse"]), (.vmdk, "vmdk", ["-o", "subformat=streamOptimized"]),
        (.vdi, "vdi", []), (.vdi, "vdi", ["-o", "static=on"]), (.vhd, "vpc", ["-o", "subformat=dynamic,force_size=on"]),
        (.vhd, "vpc", ["-o", "subformat=fixed,force_size=on"]), (.vhdx, "vhdx", ["-o", "subformat=dynamic"]),
        (.vhdx, "vhdx", ["-o", "subformat=fixed,block_size=8M"]),
    ]

    /// 48 MiB with a pattern in two places.
    private func rawSource() async throws -> String {
        let raw = try root.file("source.raw", patternedDisk(size: 5 << 20))
        _ = try await Command("truncate", ["-s", "44M", raw]).run()
        let end = try root.file("end", patternedDisk(size: 4 << 20))
        _ = try await Command("bash", ["-c", "cat '\(end)' >> '\(raw)'"]).run()
        return raw
    }

    @Test(arguments: written.indices, [true, false])
    func eachIsConvertedByteForByte(_ index: Int, _ isClaimed: Bool) async throws {
        let (format, driver, options) = Self.written[index]
        let raw = try await rawSource()
        let path = root.directory.path(of: "source.\(format.rawValue)")
        _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", driver] + options + [raw, path]).run()
        let seen = Mutex<[TransferProgress]>([])
        let imported = try await ImageImport(name: "mine", source: .file(path), checksum: nil, format: isClaimed ? format : nil)
            .run(into: library) { progress in seen.withLock { $0.append(progress) } }
        #expect(imported.format == .qcow2 && imported.virtualSize == 48 << 20 && imported.convertedFrom == format)
        _ = try await Command("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", raw, imported.path]).run()
        #expect(try directory.names().sorted() == ["\(imported.digest.hex).json", "\(imported.digest.hex).qcow2"].sorted())
        let file = try FileFacts(imported.path)
        #expect(file.mode == 0o444 && file.owner == 0)
        #expect(seen.withLock { $0.last } == TransferProgress(bytesDone: 48 << 20, bytesTotal: 48 << 20))
    }

    @Test func whatIsNotAnImageOfItsKindIsRefusedAndLeavesNothing() async throws {
        let path = try root.file("mine", ForeignFixture.vdi().content)
        let failure = try await VolumeStoreRules.failure {
            _ = try await ImageImport(name: "mine", source: .file(path), checksum: nil, format: .vmdk).run(into: library)
        }
        #expect(failure.kind == .permanent && failure.message.contains("not a sparse VMDK"), "\(failure)")
        #expect(try directory.names() == [])
    }

    /// An image of another system is never what an order's host fetches: only what was converted has a record.
    @Test func aHostsFetchDoesNotConvert() async throws {
        let bytes = ForeignFixture.vdi().content
        let path = try root.file("mine", bytes)
        let image = Image(
            id: ImageID(1), name: "mine", digest: try #require(Digest(hex: sha256(bytes))), format: .qcow2, virtualSize: 4 << 20,
            location: path)
        let failure = try await VolumeStoreRules.failure { _ = try await library.fetch(image) }
        #expect(failure.message.contains("VDI"), "\(failure)")
        #expect(try directory.names() == [])
    }
}
