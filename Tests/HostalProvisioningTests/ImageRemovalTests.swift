import HostalModel
import HostalProvisioning
import HostalTestKit
import Synchronization
import Testing

/// Images that nobody needs leave the host and its pools, and nothing else does.
@Suite struct ImageRemovalTests {
    /// A host with two pools, and a ledger that says what a test wants.
    private struct Bench: Sendable {
        let fake = FakeHost()
        let near, far: CountedPool
        let ledger = Ledger()
        let library = Library()
        let removal: ImageRemoval

        init() {
            (near, far) = (CountedPool(host: fake), CountedPool(host: fake))
            var host = fake.host
            host.pools = Pools(stores: [PoolName("near"): near, PoolName("far"): far])
            host.madeImages = library
            removal = ImageRemoval(host: host, ledger: ledger)
        }

        /// An image that the host holds.
        func fetch(_ number: Int) async throws -> StoredImage {
            var image = try Samples.server().image
            image.digest = try ImageRemovalTests.digest(number)
            guard case .ready(let stored) = try await fake.fetch(image) else { throw TestKitError("it is not ready") }
            return stored
        }

        func failure() async throws -> Failure {
            do { try await removal.run() } catch let failure as Failure { return failure }
            throw TestKitError("nothing failed")
        }
    }

    private static func digest(_ number: Int) throws -> Digest {
        let text = String(number)
        return try #require(Digest(hex: String(repeating: "0", count: 64 - text.count) + text))
    }

    private static let silence = Failure(.temporary, .serviceError, "it does not answer")

    @Test func whatNobodyNeedsGoesAndTheRestStays() async throws {
        let bench = Bench()
        for number in 1...3 { _ = try await bench.fetch(number) }
        bench.ledger.say(unneeded: [try Self.digest(2)])
        try await bench.removal.run()
        #expect(try await bench.fake.held() == [try Self.digest(1), try Self.digest(3)])
        #expect(bench.near.asked == [try Self.digest(2)] && bench.far.asked == bench.near.asked)
    }

    /// Another host has brought it to the pool.
    @Test func aPoolsCopyGoesWithoutOneOfTheHostAndIsAskedForOnce() async throws {
        let bench = Bench()
        let digest = try Self.digest(1)
        bench.ledger.say(unneeded: [digest])
        for _ in 1...3 { try await bench.removal.run() }
        #expect(bench.near.asked == [digest] && bench.far.asked == [digest])
        // It was needed meanwhile: who knows what the pools have.
        bench.ledger.say(unneeded: [])
        try await bench.removal.run()
        bench.ledger.say(unneeded: [digest])
        try await bench.removal.run()
        #expect(bench.near.asked == [digest, digest])
    }

    @Test func anImageBelowADiskStaysUntilThatIsGone() async throws {
        let bench = Bench()
        let image = try await bench.fetch(1)
        let name = VolumeName(guest: try Samples.server().guest, generation: 1)
        let disk = try await bench.near.clone(image, to: name, size: Gibibytes(1))
        bench.ledger.say(unneeded: [image.digest])
        // A pool that knows better is no failure.
        for _ in 1...2 { try await bench.removal.run() }
        #expect(try await bench.fake.held() == [image.digest])
        #expect(bench.fake.poolImages == [image.digest])
        _ = try await bench.near.flatten(disk, report: { _ in })
        try await bench.removal.run()
        #expect(try await bench.fake.held() == [])
        #expect(bench.fake.poolImages == [])
    }

    /// The word of an earlier round is not enough for what disks of any pool may have been built on since.
    @Test func theHostsCopyGoesOnlyWhenAllPoolsAgreeAtOnce() async throws {
        let bench = Bench()
        let image = try await bench.fetch(1)
        bench.ledger.say(unneeded: [image.digest])
        bench.far.fail(Self.silence)
        #expect(try await bench.failure().message == Self.silence.message)
        bench.far.fail(nil)
        bench.near.fail(Self.silence)
        #expect(try await bench.failure().message == Self.silence.message)
        #expect(try await bench.fake.held() == [image.digest])
        bench.near.fail(nil)
        try await bench.removal.run()
        #expect(try await bench.fake.held() == [])
    }

    @Test func aPoolThatFailsHoldsUpNoOtherAndIsAskedOnceInARound() async throws {
        let bench = Bench()
        let digests = try (1...3).map(Self.digest)
        bench.ledger.say(unneeded: digests)
        bench.ledger.say(files: [ImageID(7)])
        bench.near.fail(Self.silence)
        #expect(try await bench.failure().message == Self.silence.message)
        #expect(bench.near.asked == [digests[0]] && bench.far.asked == digests)
        #expect(bench.library.removed == [ImageID(7)])
        bench.near.fail(nil)
        try await bench.removal.run()
        #expect(Set(bench.near.asked.dropFirst()) == Set(digests) && bench.far.asked == digests)
    }

    /// Among many that have to stay.
    @Test func aRoundTriesAFewAndTheNextOnesTheOthers() async throws {
        let bench = Bench()
        let digests = try (1...25).map(Self.digest)
        bench.ledger.say(unneeded: digests)
        bench.far.fail(.imageNeeded("a disk"))
        for round in 1...3 {
            try await bench.removal.run()
            #expect(bench.far.asked == Array((digests + digests).prefix(round * ImageRemoval.mostAtOnce)))
        }
    }

    @Test func nothingGoesWithoutTheLedgersWord() async throws {
        let bench = Bench()
        let image = try await bench.fetch(1)
        bench.ledger.say(unneeded: [image.digest])
        bench.ledger.refuse()
        try await bench.removal.run()
        #expect(try await bench.fake.held() == [image.digest])
        #expect(bench.near.asked == [])
    }

    /// The ledger has cancelled it, and holds nobody up any more.
    @Test func aRemovalThatIsCancelledTakesNothingFromTheHost() async throws {
        let bench = Bench()
        let image = try await bench.fetch(1)
        bench.ledger.say(unneeded: [image.digest])
        bench.ledger.cancel()
        await #expect(throws: CancellationError.self) { try await bench.removal.run() }
        #expect(try await bench.fake.held() == [image.digest])
    }

    @Test func filesOfDeletedImagesGoAndOneThatCannotHoldsUpNoOther() async throws {
        let bench = Bench()
        bench.ledger.say(files: [ImageID(1), ImageID(2), ImageID(3)])
        bench.library.fail(ImageID(1))
        #expect(try await bench.failure().message == "it cannot be removed")
        #expect(bench.library.removed == [ImageID(2), ImageID(3)])
    }
}

private struct Pools: VolumePools {
    var stores: [PoolName: CountedPool]
    func store(of pool: PoolName) async throws -> any VolumeStore { try #require(stores[pool]) }
    func reached() async throws -> Set<PoolName> { Set(stores.keys) }
}

/// Knows only that files go.
private final class Library: MadeImages {
    private let state = Mutex<(removed: [ImageID], failing: ImageID?)>(([], nil))
    var removed: [ImageID] { state.withLock { $0.removed } }
    func fail(_ image: ImageID) { state.withLock { $0.failing = image } }
    func place(of image: ImageID) async throws -> String { throw TestKitError("nothing is made") }
    func seal(_ image: ImageID, report: @escaping CopyReport) async throws -> MadeImage { throw TestKitError("nothing is made") }
    func remove(_ image: ImageID) async throws {
        try state.withLock { state in
            if state.failing == image { throw Failure(.temporary, .serviceError, "it cannot be removed") }
            state.removed.append(image)
        }
    }
}

/// A ledger in memory.
private final class Ledger: ImageLedger {
    private struct State {
        var unneeded: [Digest] = []
        var files: [ImageID] = []
        var refuses = false
        var cancels = false
    }
    private let state = Mutex(State())

    func say(unneeded: [Digest]) { state.withLock { $0.unneeded = unneeded } }
    func say(files: [ImageID]) { state.withLock { $0.files = files } }
    /// Everything is needed again by the time of its removal.
    func refuse() { state.withLock { $0.refuses = true } }
    /// Removals take too long.
    func cancel() { state.withLock { $0.cancels = true } }

    func unneeded() async throws -> [Digest] { state.withLock { $0.unneeded } }
    func remove(_ digest: Digest, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        if state.withLock({ $0.refuses }) { return false }
        let cancels = state.withLock { $0.cancels }
        try await Task {
            if cancels { withUnsafeCurrentTask { $0?.cancel() } }
            try await removal()
        }.value
        return true
    }
    func deletedFiles(on host: HostID, most: Int) async throws -> [ImageID] {
        state.withLock { Array($0.files.prefix(most)) }
    }
    func removeFile(of image: ImageID, by removal: @escaping @Sendable () async throws -> Void) async throws -> Bool {
        try await removal()
        return true
    }
}
