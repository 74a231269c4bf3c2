import HostalProvisioning
package import HostalSystem

/// At most so many long copies at once in all processes of a host that name the same directory: each holds one of `limit` lock files.
package struct CopySlots: Sendable, Hashable {
    package let directory: Directory
    package let limit: Int

    /// Two keep a disk busy; more make each of them slower.
    package static let defaultLimit = 2
    /// Between two looks for a free slot.
    private static let pause = Duration.milliseconds(250)

    package init(directory: Directory, limit: Int = CopySlots.defaultLimit) {
        self.directory = directory
        self.limit = limit
    }

    /// Nil while all slots are taken. The slot is free again when the value goes away, or its process dies.
    package func take() throws(FileError) -> FileLock? {
        for number in 1...limit {
            if let lock = try FileLock.take(directory.path(of: "copy-\(number).lock")) { return lock }
        }
        return nil
    }

    /// How long a copy of a disk waits for others to end, until it counts as failed and is tried later.
    private static let patience = Duration.seconds(600)

    /// A slot for a copy of a disk. Throws a temporary failure where others hold all of them for too long.
    func wait(cannot action: String) async throws -> FileLock {
        guard let slot = try await take(within: Self.patience) else {
            throw Failure(.temporary, .serviceError, "cannot \(action): the host is busy with other copies")
        }
        return slot
    }

    /// Waits up to `patience`, in no order; nil when all slots were taken all along. Throws `CancellationError` with its task.
    package func take(within patience: Duration) async throws -> FileLock? {
        let deadline = ContinuousClock.now + patience
        while true {
            if let lock = try take() { return lock }
            guard ContinuousClock.now < deadline else { return nil }
            try await Task.sleep(for: Self.pause)
        }
    }
}
