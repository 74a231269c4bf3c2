import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

extension VolumeStoreRules {
    static func aForeignThingOfOurNameIsNeitherUsedNorOverwritten(_ bench: any ForeignBench) async throws {
        let (store, image, name) = (bench.store, bench.image, newName())
        try await bench.plant(name)
        let failure = try await failure { _ = try await store.clone(image, to: name, size: Gibibytes(1)) }
        #expect(failure.kind == .needsOperator && !failure.message.contains("/"), "\(failure)")
        #expect(try await bench.isThere(name))
    }

    static func aForeignThingOfOurNameIsNotDestroyed(_ bench: any IdentityBench) async throws {
        let (store, name) = (bench.store, newName())
        try await bench.plant(name)
        let failure = try await failure { try await store.remove(name) }
        #expect(failure.kind == .needsOperator, "\(failure)")
        #expect(try await bench.isThere(name))
    }

    static func whileTheStorageIsAwayNothingIsAbsent(_ bench: any OutageBench) async throws {
        let store = bench.store
        let volume = try await store.clone(bench.image, to: newName(), size: Gibibytes(1))
        for outage in bench.outages {
            try await outage.begin()
            let failing: Result<Void, any Error>
            do {
                try await everyCallIsATemporaryFailure(on: volume, bench, outage.name)
                failing = .success(())
            } catch {
                failing = .failure(error)
            }
            try await outage.end()
            try failing.get()
            try await waitUntil("the storage answers after: \(outage.name)", within: .seconds(60)) {
                do { return try await store.size(of: volume) == 1 << 30 } catch let failure as Failure {
                    #expect(failure.kind == .temporary, "\(failure)")
                    return false
                }
            }
        }
        #expect(try await store.remains(of: volume.name.guest).count == 1)
        try await store.remove(volume.name)
        #expect(try await store.remains(of: volume.name.guest) == [])
    }

    private static func everyCallIsATemporaryFailure(on volume: Volume, _ bench: any OutageBench, _ outage: String) async throws {
        let (store, image, new, root) = (bench.store, bench.image, newName(), try TestDirectory())
        let (copy, moment) = (root.directory.path(of: "copy.qcow2"), SnapshotName(order: OrderID(1)))
        let calls: [(String, () async throws -> Void)] = [
            ("clone", { _ = try await store.clone(image, to: new, size: Gibibytes(1)) }),
            ("clone again", { _ = try await store.clone(image, to: volume.name, size: Gibibytes(1)) }),
            ("grow", { _ = try await store.grow(volume, to: Gibibytes(2)) }),
            ("size", { _ = try await store.size(of: volume) }),
            ("remains", { _ = try await store.remains(of: volume.name.guest) }),
            ("remove", { try await store.remove(volume.name) }),
            ("space", { _ = try await store.space() }),
            ("export", { try await store.export(volume, snapshot: nil, to: copy) { _ in } }),
            ("flatten", { _ = try await store.flatten(volume, report: { _ in }) }),
            ("removeImage", { try await store.removeImage(image.digest) }),
            ("snapshot", { try await store.snapshot(volume, as: moment) }),
            ("remove snapshot", { try await store.remove(moment, of: volume) }),
        ]
        for (call, body) in calls where !bench.asksNobody.contains(call) {
            let began = ContinuousClock.now
            let failure = try await failure(body)
            let took = ContinuousClock.now - began
            #expect(took < bench.answerLimit, "\(outage): \(call)")
            #expect(failure.kind == .temporary, "\(outage): \(call): \(failure)")
            #expect(failure.detail?.contains("'\(bench.pool)'") == true, "\(outage): \(call): \(failure)")
        }
        #expect(try root.directory.names() == [])
    }
}
