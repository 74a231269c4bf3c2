import FoundationEssentials
import HostalModel
import HostalProvisioning
import Testing

/// What is true of every `VolumeStore`. A rule that is listed here runs against every kind of pool that it can mean something for.
enum VolumeStoreRules {
    static let all = [
        VolumeRule("cloningTwiceGivesTheSameVolume", .store(cloningTwiceGivesTheSameVolume)),
        VolumeRule("anExistingVolumeOfAnotherSizeIsRefusedAndKept", .store(anExistingVolumeOfAnotherSizeIsRefusedAndKept)),
        VolumeRule("aDiskSmallerThanTheImageIsRefusedWithBothSizes", .store(aDiskSmallerThanTheImageIsRefusedWithBothSizes)),
        VolumeRule("aDiskOfExactlyTheImagesSizeIsMade", .store(aDiskOfExactlyTheImagesSizeIsMade)),
        VolumeRule("growingTwiceEqualsOnceAndTheSizeIsTold", .store(growingTwiceEqualsOnceAndTheSizeIsTold)),
        VolumeRule("aDiskNeverShrinks", .store(aDiskNeverShrinks)),
        VolumeRule("aDiskThatIsNotTheOneOnRecordIsNotGrown", .store(aDiskThatIsNotTheOneOnRecordIsNotGrown)),
        VolumeRule("removingTwiceEqualsOnce", .store(removingTwiceEqualsOnce)),
        VolumeRule("removingWhatNeverWasIsSuccess", .store(removingWhatNeverWasIsSuccess)),
        VolumeRule("removingOneGenerationKeepsTheOthers", .store(removingOneGenerationKeepsTheOthers)),
        VolumeRule("anotherGuestsDisksAreNeverRemains", .store(anotherGuestsDisksAreNeverRemains)),
        VolumeRule("twoClonesAtOnceMakeOneVolume", .store(twoClonesAtOnceMakeOneVolume)),
        VolumeRule("twoStoresAtOnceMakeOneVolume", .store(twoStoresAtOnceMakeOneVolume)),
        VolumeRule("theSpaceIsPlausible", .store(theSpaceIsPlausible)),
        VolumeRule("aCloneReadsAsItsImageAndZeroesBeyond", .bytes(aCloneReadsAsItsImageAndZeroesBeyond)),
        VolumeRule("aGrownDiskKeepsItsBytesAndReadsZeroesBeyond", .bytes(aGrownDiskKeepsItsBytesAndReadsZeroesBeyond)),
        VolumeRule("aNewDiskShowsNothingOfAnEarlierOne", .bytes(aNewDiskShowsNothingOfAnEarlierOne)),
        VolumeRule("aHeaderThatAGuestWroteIsData", .bytes(aHeaderThatAGuestWroteIsData)),
        VolumeRule("anExportedDiskReadsAsTheDisk", .bytes(anExportedDiskReadsAsTheDisk)),
        VolumeRule("aCancelledExportLeavesNothing", .bytes(aCancelledExportLeavesNothing)),
        VolumeRule(
            "aFlattenedDiskReadsTheSameAndNeedsItsImageNoMore", .bytes(aFlattenedDiskReadsTheSameAndNeedsItsImageNoMore)),
        VolumeRule("aDiskThatIsHalfFlattenedIsWhole", .bytes(aDiskThatIsHalfFlattenedIsWhole)),
        VolumeRule("aPoolsCopyOfAnImageGoesOnceAndAlone", .bytes(aPoolsCopyOfAnImageGoesOnceAndAlone)),
        VolumeRule("aSnapshotKeepsItsBytes", .bytes(aSnapshotKeepsItsBytes)),
        VolumeRule(
            "aForeignThingOfOurNameIsNeitherUsedNorOverwritten", .foreign(aForeignThingOfOurNameIsNeitherUsedNorOverwritten)),
        VolumeRule("aForeignThingOfOurNameIsNotDestroyed", .identity(aForeignThingOfOurNameIsNotDestroyed)),
        VolumeRule("whileTheStorageIsAwayNothingIsAbsent", .outage(whileTheStorageIsAwayNothingIsAbsent)),
    ]

    static func newName() -> VolumeName { VolumeName(guest: GuestID(UUID()), generation: 1) }

    static func failure(_ body: () async throws -> Void) async throws -> Failure {
        let error = await #expect(throws: Failure.self) { try await body() }
        return try #require(error)
    }

    static func cloningTwiceGivesTheSameVolume(_ bench: any PoolBench) async throws {
        let (store, image, name) = (bench.store, bench.image, newName())
        let first = try await store.clone(image, to: name, size: Gibibytes(2))
        let second = try await store.clone(image, to: name, size: Gibibytes(2))
        #expect(first == second)
        #expect(first.size == 2 << 30)
        #expect(first.name == name)
        #expect(try await store.remains(of: name.guest).count == 1)
    }

    static func anExistingVolumeOfAnotherSizeIsRefusedAndKept(_ bench: any PoolBench) async throws {
        let (store, image, name) = (bench.store, bench.image, newName())
        let made = try await store.clone(image, to: name, size: Gibibytes(2))
        let failure = try await failure { _ = try await store.clone(image, to: name, size: Gibibytes(3)) }
        #expect(failure.kind == .needsOperator)
        #expect(try await store.clone(image, to: name, size: Gibibytes(2)) == made)
    }

    static func aDiskSmallerThanTheImageIsRefusedWithBothSizes(_ bench: any PoolBench) async throws {
        let (store, image, name) = (bench.store, bench.image, newName())
        let failure = try await failure { _ = try await store.clone(image, to: name, size: Gibibytes(0)) }
        #expect(failure.kind == .permanent)
        #expect(failure.code == .invalidInput)
        #expect(failure.message.contains("0 GiB") && failure.message.contains("1 GiB"), "\(failure.message)")
        #expect(try await store.remains(of: name.guest) == [])
    }

    static func aDiskOfExactlyTheImagesSizeIsMade(_ bench: any PoolBench) async throws {
        let volume = try await bench.store.clone(bench.image, to: newName(), size: Gibibytes(1))
        #expect(volume.size == bench.image.virtualSize)
    }

    static func growingTwiceEqualsOnceAndTheSizeIsTold(_ bench: any PoolBench) async throws {
        let store = bench.store
        let volume = try await store.clone(bench.image, to: newName(), size: Gibibytes(1))
        #expect(try await store.size(of: volume) == 1 << 30)
        var grown = volume
        // A worker that died in between still has the old size on record.
        for _ in 1...2 { grown = try await store.grow(volume, to: Gibibytes(3)) }
        #expect(grown.size == 3 << 30 && grown.source == volume.source && grown.backing == volume.backing)
        #expect(try await store.grow(grown, to: Gibibytes(3)) == grown)
        #expect(try await store.size(of: volume) == 3 << 30)
    }

    static func aDiskNeverShrinks(_ bench: any PoolBench) async throws {
        let store = bench.store
        let volume = try await store.clone(bench.image, to: newName(), size: Gibibytes(2))
        let grown = try await store.grow(volume, to: Gibibytes(3))
        for known in [volume, grown] {
            let failure = try await failure { _ = try await store.grow(known, to: Gibibytes(2)) }
            #expect(failure.kind == .permanent && failure.code == .invalidInput)
            #expect(failure.message.contains("2 GiB") && failure.message.contains("3 GiB"), "\(failure.message)")
        }
        #expect(try await store.size(of: grown) == 3 << 30)
    }

    static func aDiskThatIsNotTheOneOnRecordIsNotGrown(_ bench: any PoolBench) async throws {
        let store = bench.store
        var volume = try await store.clone(bench.image, to: newName(), size: Gibibytes(2))
        volume.size = 1 << 30
        let recorded = volume
        let failure = try await failure { _ = try await store.grow(recorded, to: Gibibytes(3)) }
        #expect(failure.kind == .needsOperator)
        #expect(try await store.size(of: volume) == 2 << 30)
    }

    static func removingTwiceEqualsOnce(_ bench: any PoolBench) async throws {
        let (store, name) = (bench.store, newName())
        _ = try await store.clone(bench.image, to: name, size: Gibibytes(1))
        for _ in 1...2 {
            try await store.remove(name)
            #expect(try await store.remains(of: name.guest) == [])
        }
    }

    static func removingWhatNeverWasIsSuccess(_ bench: any PoolBench) async throws {
        let name = newName()
        try await bench.store.remove(name)
        #expect(try await bench.store.remains(of: name.guest) == [])
    }

    static func removingOneGenerationKeepsTheOthers(_ bench: any PoolBench) async throws {
        let (store, guest) = (bench.store, GuestID(UUID()))
        let names = [1, 2, 10].map { VolumeName(guest: guest, generation: $0) }
        for name in names { _ = try await store.clone(bench.image, to: name, size: Gibibytes(1)) }
        try await store.remove(names[0])
        let left = try await store.remains(of: guest)
        #expect(left.count == 2)
        #expect(left.allSatisfy { $0.contains("\(guest)-2") || $0.contains("\(guest)-10") })
    }

    static func anotherGuestsDisksAreNeverRemains(_ bench: any PoolBench) async throws {
        _ = try await bench.store.clone(bench.image, to: newName(), size: Gibibytes(1))
        #expect(try await bench.store.remains(of: newName().guest) == [])
    }

    static func theSpaceIsPlausible(_ bench: any PoolBench) async throws {
        let space = try await bench.store.space()
        #expect(space.total > 1 << 30 && space.available > 0 && space.available <= space.total, "\(space)")
    }
}
