import FoundationEssentials
import HostalProvisioning
import HostalSystem
import Synchronization

/// The file of a running guest's copy: it has its name when it is whole. Until then it is called `NAME.part-UUID`, and QEMU's.
///
/// Calls run on threads of their own, which a library that hangs keeps: whoever asks gets a temporary failure then, and nothing else waits.
struct LiveCopyFile: Sendable {
    private let directory: Directory
    private let name: String
    private let action: String
    private let partialName: String

    /// For what reads or changes directories.
    private static let quickLimit = Duration.seconds(10)
    /// For all of a copy that the kernel has not written yet.
    private static let syncLimit = Duration.seconds(600)
    /// Of all copies together: more are there only when a library hangs.
    private static let mostThreads = 32
    private static let threads = Atomic(0)

    /// Throws for a path that is not absolute. `action` is what a failure begins with.
    init(_ path: String, _ action: String) throws {
        guard let slash = path.lastIndex(of: "/"), let directory = Directory(String(path[..<slash])) else {
            throw Failure(.permanent, .serviceError, "\(action): internal error", detail: "'\(path)' is no place for it")
        }
        self.directory = directory
        self.action = action
        name = String(path[path.index(after: slash)...])
        partialName = "\(name).part-\(UUID().uuidString.lowercased())"
    }

    var partial: String { directory.path(of: partialName) }

    /// With what dead workers left.
    func removeAll() async throws {
        try await outside(within: Self.quickLimit) {
            for partial in try directory.names() where partial.hasPrefix("\(name).part-") { try directory.remove(partial) }
            // Last: a `finish` that was given up may have been renaming.
            try directory.remove(name)
        }
    }

    /// A power cut leaves it whole afterwards. QEMU must have let go of it.
    func finish() async throws {
        try await outside(within: Self.syncLimit) {
            try OpenFile(partial, .update).sync()
            try directory.rename(partialName, to: name)
            try directory.sync()
        }
    }

    func refuseToFillUp() async throws {
        try await outside(within: Self.quickLimit) {
            let available = try directory.availableBytes()
            guard available >= LibvirtHypervisor.roomKept else {
                throw full("\(directory.path): \(available >> 20) MiB free, \(LibvirtHypervisor.roomKept >> 20) MiB are kept")
            }
        }
    }

    func full(_ detail: String) -> Failure {
        Failure(.permanent, .storageFull, "\(action): there is no room for the copy", detail: detail)
    }

    private func outside(within limit: Duration, _ body: @escaping @Sendable () throws -> Void) async throws {
        do {
            try await answer(within: limit) {
                try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Void, any Error>) in
                    guard Self.threads.add(1, ordering: .relaxed).newValue <= Self.mostThreads else {
                        Self.threads.subtract(1, ordering: .relaxed)
                        return waiter.resume(throwing: NoAnswer(limit: limit))
                    }
                    DetachedThread.start("copy's file") {
                        let result = Result { try body() }
                        Self.threads.subtract(1, ordering: .relaxed)
                        waiter.resume(with: result)
                    }
                }
            }
        } catch let error as NoAnswer {
            throw Failure(.temporary, .serviceError, "\(action): the library of images does not answer", cause: error)
        } catch let error as FileError {
            throw error.isFull
                ? full("\(error)")
                : Failure(.temporary, .serviceError, "\(action): the host's disk refused", cause: error)
        }
    }
}
