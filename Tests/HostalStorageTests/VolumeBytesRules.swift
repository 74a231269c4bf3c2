import HostalModel
import HostalProvisioning
import HostalSystem
import Testing

/// How a test opens a volume with `qemu-io` and `qemu-img`: a file name with its driver pinned.
struct VolumeAccess: Sendable {
    var name: @Sendable (Volume) throws -> String
    /// `name` with these options instead of `-f raw`.
    var options: @Sendable (Volume) -> [String] = { ["-f", $0.format.rawValue] }

    func io(_ volume: Volume, _ command: String) async throws -> String {
        try await Command("qemu-io", options(volume) + ["-c", command, try name(volume)], timeout: .seconds(300)).run()
    }
}

/// What a guest finds in a volume, whatever the store.
extension VolumeStoreRules {
    func aCloneReadsAsItsImageAndZeroesBeyond(_ access: VolumeAccess) async throws {
        let volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(2))
        try await expectOnlyTheImage(in: volume, access)
        try await store.remove(volume.name)
    }

    /// Writes over all of a disk, and looks for it in all of the next one.
    func aNewDiskShowsNothingOfAnEarlierOne(_ access: VolumeAccess) async throws {
        let first = try await store.clone(image, to: Self.newName(), size: Gibibytes(2))
        for half in 0..<2 { _ = try await access.io(first, "write -P 0xbb \(half)G 1G") }
        try await store.remove(first.name)
        for name in [first.name, Self.newName()] {
            let second = try await store.clone(image, to: name, size: Gibibytes(2))
            try await expectOnlyTheImage(in: second, access)
            try await store.remove(name)
        }
    }

    func aGrownDiskReadsZeroesWhereItGrew(_ access: VolumeAccess) async throws {
        let volume = try await store.clone(image, to: Self.newName(), size: Gibibytes(1))
        _ = try await access.io(volume, "write -P 0xbb 1023M 1M")
        let grown = try await store.grow(volume, to: Gibibytes(2))
        let zeroes = try await access.io(grown, "read -P 0 1G 1G")
        #expect(!zeroes.contains("Pattern verification failed"), "\(zeroes)")
        let kept = try await access.io(grown, "read -P 0xbb 1023M 1M")
        #expect(!kept.contains("Pattern verification failed"), "\(kept)")
        try await store.remove(volume.name)
    }

    /// `another` is a second store of the same pool, as another process or host has it.
    func twoStoresAtOnceMakeOneVolume(_ another: any VolumeStore) async throws {
        let name = Self.newName()
        let tasks = [store, another].map { store in
            Task { [image] in try await store.clone(image, to: name, size: Gibibytes(1)) }
        }
        var made: [Volume] = []
        for task in tasks {
            do { made.append(try await task.value) } catch let failure as Failure {
                #expect(failure.kind == .temporary, "\(failure)")
            }
        }
        #expect(!made.isEmpty && Set(made).count == 1)
        let again = try await store.clone(image, to: name, size: Gibibytes(1))
        #expect(made.contains(again))
        #expect(try await store.remains(of: name.guest).count == 1)
        try await store.remove(name)
    }

    func spaceIsWhatTheStorageHas() async throws {
        let space = try await store.space()
        #expect(space.total > 1 << 30 && space.available > 0 && space.available <= space.total, "\(space)")
    }

    /// `plant` makes something else's volume with this volume's name, and `isThere` tells of it.
    func whatHasOurNameButIsNotOursIsKept(
        plant: (VolumeName) async throws -> Void, isThere: (VolumeName) async throws -> Bool
    ) async throws {
        let name = Self.newName()
        try await plant(name)
        let store = store
        for failure in [
            try await Self.failure { try await store.remove(name) },
            try await Self.failure { _ = try await store.clone(image, to: name, size: Gibibytes(1)) },
        ] {
            #expect(failure.kind == .needsOperator, "\(failure)")
        }
        #expect(try await isThere(name))
    }

    /// While the server is down nothing is absent, and everything ends within `limit`.
    func aServerThatIsDownIsATemporaryFailure(within limit: Duration, pool: PoolName) async throws {
        let name = Self.newName()
        let store = store
        let began = ContinuousClock.now
        let failures = [
            try await Self.failure { _ = try await store.clone(image, to: name, size: Gibibytes(1)) },
            try await Self.failure { try await store.remove(name) },
            try await Self.failure { _ = try await store.remains(of: name.guest) },
            try await Self.failure { _ = try await store.space() },
        ]
        for failure in failures {
            #expect(failure.kind == .temporary, "\(failure)")
            #expect(failure.detail?.contains("'\(pool)'") == true, "\(failure)")
        }
        #expect(ContinuousClock.now - began < limit * 4)
    }

    private func expectOnlyTheImage(in volume: Volume, _ access: VolumeAccess) async throws {
        // Reads all of both; a disk that is longer by zeroes is equal.
        _ = try await Command(
            "qemu-img",
            ["compare", "-f", image.format.rawValue, "-F", volume.format.rawValue, image.path, try access.name(volume)],
            timeout: .seconds(300)
        ).run()
    }
}
