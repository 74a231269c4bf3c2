import HostalModel
import HostalProvisioning
import Testing

extension VolumeStoreRules {
    static func twoClonesAtOnceMakeOneVolume(_ bench: any PoolBench) async throws {
        try await clonesAtOnceMakeOneVolume([bench.store, bench.store], bench.image)
    }

    static func twoStoresAtOnceMakeOneVolume(_ bench: any PoolBench) async throws {
        try await clonesAtOnceMakeOneVolume([bench.store, bench.another], bench.image)
    }

    private static func clonesAtOnceMakeOneVolume(_ stores: [any VolumeStore], _ image: StoredImage) async throws {
        let name = newName()
        let tasks = stores.map { store in Task { try await store.clone(image, to: name, size: Gibibytes(1)) } }
        var made: [Volume] = []
        for task in tasks {
            do { made.append(try await task.value) } catch let failure as Failure {
                #expect(failure.kind == .temporary, "\(failure)")
            }
        }
        #expect(!made.isEmpty && Set(made).count == 1)
        let again = try await stores[0].clone(image, to: name, size: Gibibytes(1))
        #expect(made.contains(again))
        #expect(try await stores[0].remains(of: name.guest).count == 1)
        try await stores[0].remove(name)
        #expect(try await stores[0].remains(of: name.guest) == [])
    }
}
