import FoundationEssentials
import HostalModel
import HostalProvisioning
import Testing

/// What is true of every `VolumeStore`. An adapter's own suite calls each rule with a fresh store.
struct VolumeStoreRules {
    let store: any VolumeStore
    /// Exactly 1 GiB.
    let image: StoredImage

    static func newName() -> VolumeName { VolumeName(guest: GuestID(UUID()), generation: 1) }

    static func failure(_ body: () async throws -> Void) async throws -> Failure {
        let error = await #expect(throws: Failure.self) { try await body() }
        return try #require(error)
    }

    func cloningTwiceGivesTheSameVolume() async throws {
        let name = Self.newName()
        let first = try await store.clone(image, to: name, size: Gibibytes(2))
        let second = try await store.clone(image, to: name, size: Gibibytes(2))
        #expect(first == second)
        #expect(first.size == 2 << 30)
        #expect(first.name == name)
        #expect(try await store.remains(of: name.guest).count == 1)
    }

    func anExistingVolumeOfAnotherSizeIsRefusedAndKept() async throws {
        let name = Self.newName()
        let made = try await store.clone(image, to: name, size: Gibibytes(2))
        let failure = try await Self.failure { _ = try await store.clone(image, to: name, size: Gibibytes(3)) }
        #expect(failure.kind == .needsOperator)
        #expect(try await store.clone(image, to: name, size: Gibibytes(2)) == made)
    }

    func aDiskSmallerThanTheImageIsRefusedWithBothSizes() async throws {
        let name = Self.newName()
        let failure = try await Self.failure { _ = try await store.clone(image, to: name, size: Gibibytes(0)) }
        #expect(failure.kind == .permanent)
        #expect(failure.code == .invalidInput)
        #expect(failure.message.contains("0 GiB") && failure.message.contains("1 GiB"), "\(failure.message)")
        #expect(try await store.remains(of: name.guest) == [])
    }

    func aDiskOfExactlyTheImagesSizeIsMade() async throws {
        let volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(1))
        #expect(volume.size == image.virtualSize)
    }

    func growingTwiceEqualsOnceAndTheSizeIsTold() async throws {
        let volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(1))
        #expect(try await store.size(of: volume) == 1 << 30)
        var grown = volume
        // A worker that died in between still has the old size on record.
        for _ in 1...2 { grown = try await store.grow(volume, to: Gibibytes(3)) }
        #expect(grown.size == 3 << 30 && grown.source == volume.source && grown.backing == volume.backing)
        #expect(try await store.grow(grown, to: Gibibytes(3)) == grown)
        #expect(try await store.size(of: volume) == 3 << 30)
    }

    func aDiskNeverShrinks() async throws {
        let volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(2))
        let grown = try await store.grow(volume, to: Gibibytes(3))
        for known in [volume, grown] {
            let failure = try await Self.failure { _ = try await store.grow(known, to: Gibibytes(2)) }
            #expect(failure.kind == .permanent && failure.code == .invalidInput)
            #expect(failure.message.contains("2 GiB") && failure.message.contains("3 GiB"), "\(failure.message)")
        }
        #expect(try await store.size(of: grown) == 3 << 30)
    }

    func aDiskThatIsNotTheOneOnRecordIsNotGrown() async throws {
        var volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(2))
        volume.size = 1 << 30
        let failure = try await Self.failure { _ = try await store.grow(volume, to: Gibibytes(3)) }
        #expect(failure.kind == .needsOperator)
        #expect(try await store.size(of: volume) == 2 << 30)
    }

    /// A guest owns every byte of its disk, and may write there what tools take for another format's header with a file of the host's behind
    /// it. `write` does so, from the start of the guest's disk on, as its guest would; `contents` reads from there.
    func aHeaderThatAGuestWroteIsData(
        hostile: [UInt8], naming secret: String, write: (Volume, [UInt8]) async throws -> Void,
        contents: (Volume, Int) async throws -> [UInt8]
    ) async throws {
        let name = Self.newName()
        let volume = try await store.clone(image, to: name, size: Gibibytes(1))
        try await write(volume, hostile)
        #expect(try await store.clone(image, to: name, size: Gibibytes(1)) == volume)
        #expect(try await store.size(of: volume) == 1 << 30)
        let grown = try await store.grow(volume, to: Gibibytes(2))
        #expect(grown.backing == volume.backing && grown.format == volume.format)
        #expect(try await store.size(of: grown) == 2 << 30)
        #expect(try await contents(grown, hostile.count) == hostile)
        // The reinstall's disk, beside the old one.
        let next = try await store.clone(image, to: VolumeName(guest: name.guest, generation: 2), size: Gibibytes(1))
        let fresh = try await contents(next, hostile.count)
        #expect(fresh != hostile && fresh.firstRange(of: Array(secret.utf8)) == nil)
        try await store.remove(name)
        #expect(try await store.remains(of: name.guest).count == 1)
    }

    func removingTwiceEqualsOnce() async throws {
        let name = Self.newName()
        _ = try await store.clone(image, to: name, size: Gibibytes(1))
        try await store.remove(name)
        #expect(try await store.remains(of: name.guest) == [])
        try await store.remove(name)
        #expect(try await store.remains(of: name.guest) == [])
    }

    func removingWhatNeverWasIsSuccess() async throws {
        let name = Self.newName()
        try await store.remove(name)
        #expect(try await store.remains(of: name.guest) == [])
    }

    func removingOneGenerationKeepsTheOthers() async throws {
        let guest = GuestID(UUID())
        let names = [1, 2, 10].map { VolumeName(guest: guest, generation: $0) }
        for name in names { _ = try await store.clone(image, to: name, size: Gibibytes(1)) }
        try await store.remove(names[0])
        let left = try await store.remains(of: guest)
        #expect(left.count == 2)
        #expect(left.allSatisfy { $0.contains("\(guest)-2") || $0.contains("\(guest)-10") })
    }

    func anotherGuestsDisksAreNeverRemains() async throws {
        let name = Self.newName()
        _ = try await store.clone(image, to: Self.newName(), size: Gibibytes(1))
        #expect(try await store.remains(of: name.guest) == [])
    }

    func twoClonesAtOnceMakeOneVolume() async throws {
        let name = Self.newName()
        let volumes = await withTaskGroup(of: Result<Volume, any Error>.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    do { return .success(try await store.clone(image, to: name, size: Gibibytes(1))) } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let made = volumes.compactMap { try? $0.get() }
        #expect(!made.isEmpty)
        #expect(Set(made).count == 1)
        for case .failure(let error) in volumes { #expect((error as? Failure)?.kind == .temporary) }
        #expect(try await store.remains(of: name.guest).count == 1)
    }

    func theSpaceIsPlausible() async throws {
        let space = try await store.space()
        #expect(space.total > 0 && (0...space.total).contains(space.available), "\(space)")
    }

    /// `overwrite` fills a disk as its guest could; `check` throws unless it reads as its image, and zeroes beyond that.
    func aNewDiskNeverShowsWhatAnEarlierOneHeld(
        overwrite: (Volume) async throws -> Void, check: (Volume) async throws -> Void
    ) async throws {
        let name = Self.newName()
        let earlier = try await store.clone(image, to: name, size: Gibibytes(2))
        try await store.publish(earlier)
        try await overwrite(earlier)
        await #expect(throws: (any Error).self, "nothing was overwritten") { try await check(earlier) }
        try await store.remove(name)
        for next in [name, Self.newName()] {
            let volume = try await store.clone(image, to: next, size: Gibibytes(2))
            try await store.publish(volume)
            try await check(volume)
            try await store.remove(next)
        }
    }
}
