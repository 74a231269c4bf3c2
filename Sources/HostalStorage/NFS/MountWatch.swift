import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// Asks a mounted file system whether it is there, and never waits longer than its patience: a mount whose server is gone holds the thread
/// that looks at it until the server is back. One thread looks, and while it is held nobody else is sent after it.
actor MountWatch {
    nonisolated let pool: PoolDirectory
    nonisolated let name: PoolName
    nonisolated let patience: Duration
    private let lane = BlockingLane(name: "mount watch")
    private var look: Task<Void, any Error>?
    private var isHeld = false

    init(pool: PoolDirectory, name: PoolName, patience: Duration) {
        self.pool = pool
        self.name = name
        self.patience = patience
    }

    /// Throws a temporary failure unless this pool is mounted and answers.
    func check() async throws {
        guard !isHeld else { throw silent }
        let look = look ?? begin()
        let (patience, silent) = (patience, silent)
        let answer: @Sendable () async throws -> Void = { try await look.value }
        let silence: @Sendable () async throws -> Void = {
            try await Task.sleep(for: patience)
            throw silent
        }
        do {
            try await first(of: [answer, silence])
        } catch let failure as Failure where failure.detail == silent.detail {
            isHeld = self.look != nil
            throw failure
        }
    }

    private func begin() -> Task<Void, any Error> {
        let (lane, pool) = (lane, pool)
        let task = Task {
            defer { ended() }
            try await lane.perform {
                try Self.checkMount(pool)
                try pool.verify()
                _ = try pool.directory.availableBytes()
            }
        }
        look = task
        return task
    }

    private func ended() {
        look = nil
        isHeld = false
    }

    /// The marker alone is not enough: it may have been copied onto the disk below the mount point.
    static func checkMount(_ pool: PoolDirectory) throws {
        let path = pool.directory.path
        var (here, above) = (stat(), stat())
        guard stat(path, &here) == 0, stat(String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)) + "/", &above) == 0
        else {
            throw Failure(.temporary, .serviceError, unreachable, detail: "pool '\(pool.id)': \(FileError("stat", path))")
        }
        guard here.st_dev != above.st_dev else {
            throw Failure(.temporary, .serviceError, unreachable, detail: "pool '\(pool.id)': nothing is mounted at \(path)")
        }
    }

    private static let unreachable = "cannot reach the disk pool: its storage is not available"

    nonisolated var silent: Failure {
        Failure(
            .temporary, .serviceError, Self.unreachable,
            detail: "pool '\(name)': \(pool.directory.path) does not answer within \(patience)")
    }
}
