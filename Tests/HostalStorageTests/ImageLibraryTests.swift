import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import Synchronization
import Testing

@Suite struct ImageLibraryTests {
    /// An image of 2 MiB behind a server, and an empty library.
    private final class Bench: Sendable {
        let root: TestDirectory
        let directory: Directory
        let server: ImageServer
        let bytes: [UInt8]
        let image: Image

        init(_ behaviour: ImageServer.Behaviour = .init()) throws {
            root = try TestDirectory()
            directory = try root.subdirectory("library")
            bytes = patternedDisk(size: 2 << 20)
            var behaviour = behaviour
            if behaviour.body.isEmpty { behaviour.body = bytes }
            server = try ImageServer(behaviour)
            image = Image(
                id: ImageID(1), name: "debian-12", digest: try #require(Digest(hex: sha256(bytes))), format: .raw,
                virtualSize: Int64(bytes.count), location: server.url)
        }
        deinit { server.stop() }

        func library(_ change: (inout TransferLimits) -> Void = { _ in }) -> ImageLibrary {
            var limits = TransferLimits()
            limits.headroom = 0
            change(&limits)
            return ImageLibrary(directory: directory, limits: limits)
        }
        func failure(_ library: ImageLibrary? = nil, _ image: Image? = nil) async throws -> Failure {
            try await VolumeStoreRules.failure { _ = try await (library ?? self.library()).fetch(image ?? self.image) }
        }
        func isStored(_ fetch: ImageFetch) throws -> Bool {
            let stored = StoredImage(
                digest: image.digest, path: directory.path(of: "\(image.digest.hex).raw"), format: .raw,
                virtualSize: image.virtualSize)
            return try fetch == .ready(stored) && Data(contentsOf: URL(filePath: stored.path)) == Data(bytes)
                && mode(of: stored.path) == 0o444
                && directory.names().sorted() == ["\(image.digest.hex).json", "\(image.digest.hex).raw"]
        }
    }

    @Test func anImageIsDownloadedOnceAndThenReady() async throws {
        let bench = try Bench()
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.count == 1)
    }

    @Test func aDownloadBlocksOnlyTheLibrarysOwnThread() async throws {
        let bench = try Bench()
        let names = Mutex<Set<String>>([])
        _ = try await ImageLibrary(directory: bench.directory) { _, _ in
            let name = try? OpenFile("/proc/thread-self/comm", .read).bytes(16, at: 0)
            names.withLock { _ = $0.insert(String(decoding: (name ?? []).dropLast(), as: UTF8.self)) }
        }.fetch(bench.image)
        #expect(names.withLock { $0 } == ["images-\(ImageLibrary.lanes)"])
    }

    @Test func anImageIsCopiedFromAPathAndItsHolesStayHoles() async throws {
        let root = try TestDirectory()
        let directory = try root.subdirectory("library")
        let bytes = rawDisk(size: 8 << 20)
        let image = Image(
            id: ImageID(1), name: "sparse", digest: try #require(Digest(hex: sha256(bytes))), format: .raw, virtualSize: 8 << 20,
            location: try root.file("source", bytes))
        let library = ImageLibrary(directory: directory)
        guard case .ready(let stored) = try await library.fetch(image) else { throw FileError("fetch", image.name, code: EAGAIN) }
        var status = stat()
        #expect(stat(stored.path, &status) == 0)
        #expect(status.st_size == 8 << 20)
        #expect(status.st_blocks * 512 <= 2 << 20)
        #expect(try Data(contentsOf: URL(filePath: stored.path)) == Data(bytes))
    }

    @Test func aStoredImageThatWasCutShortIsFetchedAgain() async throws {
        let bench = try Bench()
        _ = try await bench.library().fetch(bench.image)
        truncate(bench.directory.path(of: "\(bench.image.digest.hex).raw"), 4096)
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.count == 2)
    }

    @Test func aCutDownloadGoesOnWhereItEnded() async throws {
        let bench = try Bench(.init(cutAfter: 700_000))
        let failure = try await bench.failure()
        #expect(failure.kind == .temporary && failure.code == .imageUnavailable, "\(failure)")
        bench.server.behave { $0.cutAfter = nil }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        let second = try #require(bench.server.requests.last)
        #expect(second.headers["range"] == "bytes=700000-")
        #expect(second.headers["if-range"] == "\"one\"")
    }

    @Test func aServerWithoutRangesMakesItStartOver() async throws {
        let bench = try Bench(.init(ranges: false, cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave { $0.cutAfter = nil }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
    }

    @Test func aServerThatNamesNoVersionIsNeverAskedForARange() async throws {
        let bench = try Bench(.init(entityTag: nil, cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave { $0.cutAfter = nil }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.allSatisfy { $0.headers["range"] == nil })
    }

    @Test func aWeakTagIsNoReasonToGoOn() async throws {
        let bench = try Bench(.init(entityTag: "W/\"one\"", cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave { $0.cutAfter = nil }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.allSatisfy { $0.headers["range"] == nil })
    }

    @Test func aFileThatChangedInBetweenIsFetchedFromItsStart() async throws {
        let bench = try Bench(.init(body: [UInt8](repeating: 9, count: 2 << 20), entityTag: "\"old\"", cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave {
            $0 = .init(body: bench.bytes, entityTag: "\"new\"")
        }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.last?.headers["if-range"] == "\"old\"")
    }

    /// A power cut can leave zeros where bytes were: the start is right in length and wrong in content.
    @Test func aDamagedStartIsFoundAndEverythingFetchedOnceMore() async throws {
        let bench = try Bench(.init(cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave { $0.cutAfter = nil }
        let part = bench.directory.path(of: "\(bench.image.digest.hex).part")
        try [UInt8](repeating: 0, count: 4096).withUnsafeBytes { try OpenFile(part, .update).write($0, at: 8192) }
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.map { $0.headers["range"] } == [nil, "bytes=700000-", nil])
    }

    @Test func aPartialFileThatIsAlreadyWholeIsFetchedOnceMore() async throws {
        let bench = try Bench(.init(cutAfter: 700_000))
        _ = try await bench.failure()
        bench.server.behave { $0.cutAfter = nil }
        try Data(bench.bytes).write(to: URL(filePath: bench.directory.path(of: "\(bench.image.digest.hex).part")))
        #expect(try bench.isStored(await bench.library().fetch(bench.image)))
        #expect(bench.server.requests.count == 3)
    }

    @Test func aWrongDigestIsPermanentAndLeavesNothing() async throws {
        let bench = try Bench(.init(body: patternedDisk(size: 1 << 20)))
        let failure = try await bench.failure()
        #expect(failure.kind == .permanent && failure.code == .imageUnavailable)
        #expect(failure.message.contains(bench.image.digest.hex), "\(failure.message)")
        #expect(try bench.directory.names() == [])
        #expect(bench.server.requests.count == 1)
    }

    @Test func anImageWithTheRightDigestAndAHostileHeaderIsRefused() async throws {
        let hostile = QcowFixture(backing: "/etc/shadow", backingFormat: "raw").bytes
        let bench = try Bench(.init(body: hostile))
        var image = bench.image
        image.digest = try #require(Digest(hex: sha256(hostile)))
        for format in [DiskFormat.qcow2, .raw] {
            image.format = format
            let failure = try await bench.failure(nil, image)
            #expect(failure.kind == .permanent && failure.code == .imageUnavailable)
            #expect(try bench.directory.names() == [])
        }
    }

    @Test func twoFetchesAtOnceMakeOneDownload() async throws {
        let bench = try Bench(.init(holdsHalfWay: true))
        let arrived = AsyncStream<Void>.makeStream()
        var limits = TransferLimits()
        limits.headroom = 0
        let first = ImageLibrary(directory: bench.directory, limits: limits) { _, _ in arrived.continuation.yield() }
        async let fetched = first.fetch(bench.image)
        for await _ in arrived.stream { break }
        #expect(try await bench.library().fetch(bench.image) == .inProgress)
        #expect(try await first.fetch(bench.image) == .inProgress)
        bench.server.letGo()
        #expect(try bench.isStored(await fetched))
        #expect(bench.server.requests.count == 1)
    }

    /// The child dies by SIGKILL after the first mebibyte; the parent goes on from what the child had written.
    @Test func aDownloadKilledInTheMiddleIsGoneOnWith() async throws {
        let bench = try Bench()
        let (path, image) = (bench.directory.path, bench.image)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, image = image as Image] in
            var limits = TransferLimits()
            limits.headroom = 0
            let library = ImageLibrary(directory: try #require(Directory(path)), limits: limits) { _, progress in
                if progress.bytesDone >= 1 << 20 { kill(getpid(), SIGKILL) }
            }
            _ = try await library.fetch(image)
        }
        let part = try #require(try bench.directory.size(of: "\(image.digest.hex).part"))
        #expect(part >= 1 << 20 && part < 2 << 20)
        #expect(try bench.isStored(await bench.library().fetch(image)))
        #expect(bench.server.requests.last?.headers["range"] == "bytes=\(part)-")
    }

    @Test func anImageThatIsForgottenLeavesNothingAndTakesNothingWithIt() async throws {
        let bench = try Bench(.init(cutAfter: 700_000))
        let other = try #require(Digest(hex: String(repeating: "b", count: 64)))
        let stays = ["\(other.hex).json", "\(other.hex).qcow2", "copy-1.lock", "import-\(other.hex).part"]
        for name in stays { try Data("x".utf8).write(to: URL(filePath: bench.directory.path(of: name))) }
        // What a broken fetch left is not an image that the host holds.
        _ = try await bench.failure()
        #expect(try await bench.library().held() == [other])
        bench.server.behave { $0.cutAfter = nil }
        _ = try await bench.library().fetch(bench.image)
        #expect(try await bench.library().held() == [other, bench.image.digest])
        try Data("x".utf8).write(to: URL(filePath: bench.directory.path(of: "\(bench.image.digest.hex).part")))
        for _ in 1...2 { try await bench.library().forget(bench.image.digest) }
        #expect(try bench.directory.names().sorted() == stays)
        #expect(try await bench.library().held() == [other])
        bench.server.behave { $0 = .init(body: bench.bytes) }
        _ = try await bench.library().fetch(bench.image)
        #expect(try await bench.library().held().contains(bench.image.digest))
    }

    /// As workers leave it that die in the middle.
    @Test(arguments: ["json", "raw"]) func whatAKilledRemovalLeftIsHeldAndForgotten(_ left: String) async throws {
        let bench = try Bench()
        let name = "\(bench.image.digest.hex).\(left)"
        try Data("x".utf8).write(to: URL(filePath: bench.directory.path(of: name)))
        #expect(try await bench.library().held() == [bench.image.digest])
        try await bench.library().forget(bench.image.digest)
        #expect(try bench.directory.names() == [])
    }

    @Test func anImageThatIsBeingFetchedIsNotForgotten() async throws {
        let bench = try Bench(.init(holdsHalfWay: true))
        let arrived = AsyncStream<Void>.makeStream()
        var limits = TransferLimits()
        limits.headroom = 0
        let library = ImageLibrary(directory: bench.directory, limits: limits) { _, _ in arrived.continuation.yield() }
        async let fetched = library.fetch(bench.image)
        for await _ in arrived.stream { break }
        let failure = try await VolumeStoreRules.failure { try await bench.library().forget(bench.image.digest) }
        #expect(failure.kind == .temporary && failure.message.contains("it is being fetched"), "\(failure)")
        bench.server.letGo()
        #expect(try bench.isStored(await fetched))
        try await library.forget(bench.image.digest)
        #expect(try bench.directory.names() == [])
    }

    @Test func aCancelledFetchEndsAndCanBeGoneOnWith() async throws {
        let bench = try Bench(.init(holdsHalfWay: true))
        let arrived = AsyncStream<Void>.makeStream()
        var limits = TransferLimits()
        limits.headroom = 0
        let library = ImageLibrary(directory: bench.directory, limits: limits) { _, progress in
            if progress.bytesDone == 1 << 20 { arrived.continuation.yield() }
        }
        let fetch = Task { try await library.fetch(bench.image) }
        for await _ in arrived.stream { break }
        fetch.cancel()
        let failure = try await VolumeStoreRules.failure { _ = try await fetch.value }
        #expect(failure.code == .cancelled && failure.kind == .temporary)
        bench.server.letGo()
        #expect(try bench.isStored(await library.fetch(bench.image)))
        #expect(bench.server.requests.last?.headers["range"] == "bytes=\(1 << 20)-")
    }

    @Test(arguments: [(404, Failure.Kind.permanent), (403, .permanent), (500, .temporary), (503, .temporary), (429, .temporary)])
    func aServersAnswerDecidesWhetherToTryAgain(_ status: Int, _ kind: Failure.Kind) async throws {
        let bench = try Bench(.init(status: status))
        let failure = try await bench.failure()
        #expect(failure.kind == kind && failure.code == .imageUnavailable)
        #expect(failure.message.contains("answered \(status)"))
        #expect(!failure.message.contains("127.0.0.1"))
    }

    @Test func aRedirectLoopEnds() async throws {
        let bench = try Bench(.init(redirect: "/again"))
        let failure = try await bench.failure()
        #expect(failure.kind == .permanent && failure.message.contains("redirects more than 5 times"))
        #expect(bench.server.requests.count == 6)
    }

    @Test(arguments: ["file:///etc/shadow", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x"])
    func aRedirectToAnotherProtocolIsRefused(_ target: String) async throws {
        let bench = try Bench(.init(redirect: target))
        let failure = try await bench.failure()
        #expect(failure.kind == .permanent && failure.message.contains("not a valid http or https address"), "\(failure)")
    }

    @Test(arguments: ["file:///etc/shadow", "relative/path", "", "rbd:pool/image"])
    func aLocationThatIsNeitherPathNorAddressIsRefused(_ location: String) async throws {
        let bench = try Bench()
        var image = bench.image
        image.location = location
        #expect(try await bench.failure(nil, image).kind == .permanent)
        #expect(try bench.directory.names() == [])
    }

    @Test(arguments: [true, false])
    func aFileThatIsTooLargeIsNotFetched(_ sendsLength: Bool) async throws {
        let bench = try Bench(.init(sendsLength: sendsLength))
        let failure = try await bench.failure(bench.library { $0.fileSize = (2 << 20) - 1 })
        #expect(failure.kind == .permanent && failure.message.contains("are accepted"), "\(failure)")
        #expect(try bench.directory.names() == [])
        #expect(try bench.isStored(await bench.library { $0.fileSize = 2 << 20 }.fetch(bench.image)))
    }

    @Test func aServerThatStallsIsGivenUp() async throws {
        let bench = try Bench(.init(holdsHalfWay: true))
        let failure = try await bench.failure(bench.library { $0.stall = .seconds(1) })
        bench.server.letGo()
        #expect(failure.kind == .temporary && failure.message.contains("timeout"), "\(failure)")
    }

    @Test func aServerThatIsNotThereIsTriedAgainLater() async throws {
        let bench = try Bench()
        var image = bench.image
        bench.server.stop()
        image.location = "http://user:secret@127.0.0.1:1/image?signature=secret"
        let failure = try await bench.failure(nil, image)
        #expect(failure.kind == .temporary)
        #expect(
            failure.detail?.contains("http://127.0.0.1:1/image") == true && failure.detail?.contains("secret") == false,
            "\(failure)")
    }

    @Test func aMissingFileIsTriedAgainLater() async throws {
        let bench = try Bench()
        var image = bench.image
        image.location = bench.root.directory.path(of: "absent")
        #expect(try await bench.failure(nil, image).kind == .temporary)
        #expect(try bench.directory.names() == [])
    }

    @Test func aPipeInPlaceOfAnImageBlocksNothing() async throws {
        let bench = try Bench()
        var image = bench.image
        image.location = bench.root.directory.path(of: "pipe")
        mkfifo(image.location, 0o600)
        _ = try await bench.failure(nil, image)
        #expect(try bench.directory.names() == [])
    }
}
