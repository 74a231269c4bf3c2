import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// Files of images that servers' disks become.
@Suite struct MadeImageFilesTests {
    private struct Bench {
        let root: TestDirectory
        let files: MadeImageFiles
        let image = ImageID(17)
        let bytes = patternedDisk(size: 2 << 20)

        init() throws {
            root = try TestDirectory()
            let library = try #require(Directory(root.directory.path(of: "library")))
            try MadeImageFiles.initialise(library)
            files = MadeImageFiles(library: library)
        }

        /// As an export leaves it.
        @discardableResult
        func copy() async throws -> String {
            let raw = try root.file("disk.raw", bytes)
            let path = try await files.place(of: image)
            try await QemuImg().convert(.file(raw, .raw), to: path, size: Int64(bytes.count))
            return path
        }
        var names: [String] { get throws { try files.library.names().filter { $0 != ".hostal-pool" }.sorted() } }
    }

    @Test func aCopyBecomesAnImageOfItsOwnerAlone() async throws {
        let bench = try Bench()
        let path = try await bench.copy()
        let made = try await bench.files.seal(bench.image) { _ in }
        let bytes = try Data(contentsOf: URL(filePath: path))
        #expect(made.stored.digest.hex == sha256(Array(bytes)) && made.bytes == Int64(bytes.count))
        #expect(made.stored.path == path && made.stored.format == .qcow2 && made.stored.virtualSize == 2 << 20)
        #expect(mode(of: path) == 0o400 && mode(of: bench.files.library.path) == 0o711)
        // The worker died before that was written down.
        #expect(try await bench.files.seal(bench.image) { _ in } == made)
        // A host fetches it as it fetches any image.
        let library = ImageLibrary(directory: try bench.root.subdirectory("host"))
        let fetched = try await library.fetch(
            Image(
                id: bench.image, name: "snapshot-17", digest: made.stored.digest, format: .qcow2,
                virtualSize: made.stored.virtualSize, location: path))
        guard case .ready(let stored) = fetched else { throw TestKitError("the image is not ready: \(fetched)") }
        let back = bench.root.directory.path(of: "back.raw")
        try await QemuImg().convert(.file(stored.path, .qcow2), to: back, as: .raw, size: 2 << 20)
        #expect(try Data(contentsOf: URL(filePath: back)) == Data(bench.bytes))
    }

    /// No copy of ours has one; what has is not from us.
    @Test func whatNamesAnotherFileIsNoImage() async throws {
        let bench = try Bench()
        let secret = try bench.root.file("secret", bench.bytes)
        let path = try await bench.files.place(of: bench.image)
        try await QemuImg().createOverlay(at: path, size: 2 << 20, backing: secret, format: .raw)
        let failure = try await VolumeStoreRules.failure { _ = try await bench.files.seal(bench.image) { _ in } }
        #expect(failure.kind == .permanent && failure.code == .imageUnavailable && failure.message.contains("backing file"))
    }

    @Test func aHalfWrittenOneIsRefused() async throws {
        let bench = try Bench()
        let path = try await bench.copy()
        #expect(truncate(path, 1 << 20) == 0)
        let failure = try await VolumeStoreRules.failure { _ = try await bench.files.seal(bench.image) { _ in } }
        #expect(failure.kind == .permanent && failure.code == .imageUnavailable, "\(failure)")
    }

    @Test func removingTakesWhatAKilledCopyLeftAndNothingElse() async throws {
        let bench = try Bench()
        try await bench.files.remove(bench.image)
        try await bench.copy()
        for other in ["image-17.qcow2.part-1", "image-170.qcow2", "image-1.qcow2", "aa.qcow2"] {
            try Data([1]).write(to: URL(filePath: bench.files.library.path(of: other)))
        }
        try await bench.files.remove(bench.image)
        try await bench.files.remove(bench.image)
        #expect(try bench.names == ["aa.qcow2", "image-1.qcow2", "image-170.qcow2"])
    }

    /// Mounted over, or not mounted any more: nothing is written beside the library, and nothing is taken for gone.
    @Test func aDirectoryWithoutTheMarkIsNoLibrary() async throws {
        let bench = try Bench()
        let path = try await bench.copy()
        try bench.files.library.remove(".hostal-pool")
        for use in [
            { _ = try await bench.files.place(of: bench.image) }, { _ = try await bench.files.seal(bench.image) { _ in } },
            { try await bench.files.remove(bench.image) },
        ] as [@Sendable () async throws -> Void] {
            let failure = try await VolumeStoreRules.failure(use)
            #expect(failure.kind == .temporary && failure.message.contains("library of images"), "\(failure)")
        }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func hashingStopsWhenTheOrderIsCancelled() async throws {
        let bench = try Bench()
        try await bench.copy()
        let sealing = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await bench.files.seal(bench.image) { _ in }
        }
        let failure = try await VolumeStoreRules.failure { _ = try await sealing.value }
        #expect(failure.kind == .temporary && failure.code == .cancelled, "\(failure)")
    }
}
