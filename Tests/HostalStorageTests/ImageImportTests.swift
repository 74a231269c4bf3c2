import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import Synchronization
import Testing

@Suite struct ImageImportTests {
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

    private func sha512(_ bytes: [UInt8]) -> String {
        var digest = Digesting(.sha512)
        bytes.withUnsafeBytes { digest.update($0) }
        return digest.hexadecimal()
    }

    private func failure(_ source: ImageSource, _ checksum: Checksum? = nil, format: ImportFormat? = nil) async throws -> Failure
    {
        try await VolumeStoreRules.failure {
            _ = try await ImageImport(name: "mine", source: source, checksum: checksum, format: format).run(into: library)
        }
    }

    @Test func anOperatorsFileIsImportedWithoutAChecksum() async throws {
        let bytes = QcowFixture().bytes
        let path = try root.file("mine.img", bytes)
        let imported = try await ImageImport(name: "mine", source: .file(path), checksum: nil).run(into: library)
        #expect(imported.digest.hex == sha256(bytes))
        #expect(imported.format == .qcow2)
        #expect(imported.virtualSize == 1 << 20)
        #expect(imported.bytes == Int64(bytes.count))
        #expect(imported.path == directory.path(of: "\(imported.digest.hex).qcow2"))
        #expect(try directory.names().count == 2)
        #expect(try await ImageImport(name: "mine", source: .file(path), checksum: nil).run(into: library) == imported)
        #expect(try directory.names().count == 2)
    }

    /// Orders name images by name or by number.
    @Test(arguments: ["7", "2204", "", "-x", "Debian", "a b", String(repeating: "a", count: 64)])
    func aNameThatOrdersCannotUseIsRefusedBeforeAnythingIsRead(_ name: String) async throws {
        let failure = try await VolumeStoreRules.failure {
            _ = try await ImageImport(name: name, source: .file("/nowhere"), checksum: nil).run(into: library)
        }
        #expect(failure.kind == .permanent && failure.code == .invalidInput, "\(failure)")
    }

    @Test func bothKindsOfChecksumAreAcceptedInEitherCase() async throws {
        let bytes = patternedDisk(size: 1 << 20)
        let path = try root.file("mine.raw", bytes)
        for text in [sha256(bytes), sha512(bytes), sha512(bytes).uppercased()] {
            let checksum = try #require(Checksum(hexadecimal: text))
            let imported = try await ImageImport(name: "mine", source: .file(path), checksum: checksum).run(into: library)
            #expect(imported.format == .raw)
        }
        #expect(try directory.names().count == 2)
    }

    @Test func aWrongChecksumIsRefusedAndLeavesNothing() async throws {
        let bytes = patternedDisk(size: 1 << 20)
        let path = try root.file("mine.raw", bytes)
        for text in [sha256([1]), sha512([1])] {
            let failure = try await failure(.file(path), Checksum(hexadecimal: text))
            #expect(failure.kind == .permanent && failure.message.contains(text), "\(failure)")
        }
        #expect(try directory.names() == [])
    }

    @Test(arguments: [
        "", "abc", String(repeating: "g", count: 64), String(repeating: "a", count: 63), String(repeating: "a", count: 127),
    ])
    func whatIsNoChecksumIsNotTakenForOne(_ text: String) {
        #expect(Checksum(hexadecimal: text) == nil)
    }

    @Test func aDownloadNeedsAChecksumUnlessTheOperatorSaysOtherwise() async throws {
        let bytes = patternedDisk(size: 1 << 20)
        let server = try ImageServer(.init(body: bytes))
        defer { server.stop() }
        let refusal = try await failure(.url(server.url))
        #expect(refusal.code == .invalidInput && refusal.message.contains("needs a checksum"))
        #expect(server.requests.isEmpty)
        let seen = Mutex<TransferProgress?>(nil)
        let imported = try await ImageImport(name: "mine", source: .url(server.url), checksum: nil, allowUnverified: true)
            .run(into: library) { progress in seen.withLock { $0 = progress } }
        #expect(imported.digest.hex == sha256(bytes))
        #expect(seen.withLock { $0 } == TransferProgress(bytesDone: 1 << 20, bytesTotal: 1 << 20))
    }

    @Test func anInterruptedImportByItsLongChecksumGoesOn() async throws {
        let bytes = patternedDisk(size: 2 << 20)
        let server = try ImageServer(.init(body: bytes, cutAfter: 500_000))
        defer { server.stop() }
        let checksum = try #require(Checksum(hexadecimal: sha512(bytes)))
        #expect(try await failure(.url(server.url), checksum).kind == .temporary)
        server.behave { $0.cutAfter = nil }
        let imported = try await ImageImport(name: "mine", source: .url(server.url), checksum: checksum).run(into: library)
        #expect(imported.digest.hex == sha256(bytes))
        #expect(server.requests.last?.headers["range"] == "bytes=500000-")
    }

    @Test func aFormatThatIsClaimedMustBeTrue() async throws {
        let path = try root.file("mine", QcowFixture().bytes)
        #expect(try await failure(.file(path), format: .raw).message.contains("said to be raw but is qcow2"))
        #expect(try directory.names() == [])
    }

    /// Its fifth cluster is counted as used, and nothing uses it: that costs room and nothing else.
    @Test func anImageThatOnlyWastesRoomIsAccepted() async throws {
        var bytes = QcowFixture().bytes + [UInt8](repeating: 0, count: 1 << 16)
        bytes.replaceSubrange(((2 << 16) + 8)..<((2 << 16) + 10), with: [0, 1])
        let path = try root.file("mine.qcow2", bytes)
        await #expect(throws: CommandError.self) { try await Command("qemu-img", ["check", "-f", "qcow2", path]).run() }
        #expect(try await ImageImport(name: "mine", source: .file(path), checksum: nil).run(into: library).format == .qcow2)
    }

    /// The header is sound; the L2 table that it leads to lies far outside the file.
    @Test func anImageWithBrokenTablesIsRefused() async throws {
        var bytes = QcowFixture().bytes
        bytes.replaceSubrange((3 << 16)..<((3 << 16) + 8), with: [0x80, 0, 0, 0x7F, 0xFF, 0, 0, 0])
        let path = try root.file("mine.qcow2", bytes)
        _ = try await failure(.file(path))
        #expect(try directory.names() == [])
    }
}
