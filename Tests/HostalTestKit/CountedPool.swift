package import HostalModel
package import HostalProvisioning
import Synchronization

/// A pool of a `FakeHost` that remembers how often it was called for what concerns no single disk, and fails in such calls for as long as it is
/// told to.
package final class CountedPool: VolumeStore {
    private struct State {
        var restores = 0
        var asked: [Digest] = []
        var failure: Failure?
    }
    private let state = Mutex(State())
    private let volumes: FakeVolumes

    package init(host: FakeHost = FakeHost(), fails failure: Failure? = nil) {
        volumes = FakeVolumes(host: host)
        fail(failure)
    }

    package var restores: Int { state.withLock { $0.restores } }
    /// Images that it was to remove, in order.
    package var asked: [Digest] { state.withLock { $0.asked } }
    /// Nil: it answers again.
    package func fail(_ failure: Failure?) { state.withLock { $0.failure = failure } }

    package func restore() async throws {
        try state.withLock { state in
            state.restores += 1
            if let failure = state.failure { throw failure }
        }
    }
    package func removeImage(_ digest: Digest) async throws {
        try state.withLock { state in
            state.asked.append(digest)
            if let failure = state.failure { throw failure }
        }
        try await volumes.removeImage(digest)
    }

    package func clone(
        _ image: StoredImage, to volume: VolumeName, size: Gibibytes, report: @escaping CopyReport
    ) async throws -> Volume {
        try await volumes.clone(image, to: volume, size: size, report: report)
    }
    package func grow(_ volume: Volume, to size: Gibibytes) async throws -> Volume { try await volumes.grow(volume, to: size) }
    package func size(of volume: Volume) async throws -> Int64 { try await volumes.size(of: volume) }
    package func remove(_ volume: VolumeName) async throws { try await volumes.remove(volume) }
    package func remains(of guest: GuestID) async throws -> [String] { try await volumes.remains(of: guest) }
    package func space() async throws -> PoolSpace { try await volumes.space() }
    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        try await volumes.export(volume, snapshot: snapshot, to: path, report: report)
    }
    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        try await volumes.flatten(volume, report: report)
    }
}
