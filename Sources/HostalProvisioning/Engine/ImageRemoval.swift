import HostalModel

/// Removes images that nobody needs from one host and from the pools that it reaches, and files of deleted ones from its library, a few at a
/// time. Only images that the ledger knows: a file of any other is left alone.
///
/// Pools are asked first, all at once. The host's own copy goes only when each has answered, in the same moment, that no disk of its needs the
/// image. What has to stay is asked for again in later rounds, after what was not tried yet. One round at a time.
package actor ImageRemoval {
    /// Images in one round, and as many files in the library.
    package static let mostAtOnce = 10

    private let host: Host
    private let ledger: any ImageLedger
    private let report: @Sendable (String) -> Void
    /// Pools that have no copy any more.
    private var cleared: [Digest: Set<PoolName>] = [:]
    /// The last round that tried.
    private var tried: [Digest: Int] = [:]

    private var round = 0
    /// Pools that gave no answer in this round; they are not asked again in it.
    private var silent: Set<PoolName> = []
    private var failures: [any Error] = []

    /// `report` is told of each image that has left the host.
    package init(host: Host, ledger: any ImageLedger, report: @escaping @Sendable (String) -> Void = { _ in }) {
        self.host = host
        self.ledger = ledger
        self.report = report
    }

    /// One round. What fails holds up nothing else; the first failure is thrown at the end.
    package func run() async throws {
        (round, silent, failures) = (round + 1, [], [])
        do { try await removeUnneeded() } catch { failures.append(error) }
        do { try await removeFiles() } catch { failures.append(error) }
        if let failure = failures.first { throw failure }
    }

    private func removeUnneeded() async throws {
        let unneeded = Set(try await ledger.unneeded())
        cleared = cleared.filter { unneeded.contains($0.key) }
        tried = tried.filter { unneeded.contains($0.key) }
        let held = try await host.images.held()
        let reached = try await host.pools.reached()
        let due = unneeded.filter { held.contains($0) || !reached.isSubset(of: cleared[$0] ?? []) }
            .sorted { (tried[$0] ?? 0, $0.hex) < (tried[$1] ?? 0, $1.hex) }
        for digest in due.prefix(Self.mostAtOnce) {
            try Task.checkCancellation()
            tried[digest] = round
            let isHeld = held.contains(digest)
            do {
                _ = try await ledger.remove(digest) {
                    try await self.removeCopies(of: digest, from: reached, isHeld: isHeld)
                }
            } catch { failures.append(error) }
        }
    }

    private func removeCopies(of digest: Digest, from reached: Set<PoolName>, isHeld: Bool) async throws {
        // Without the host's own copy, what a pool said before is enough.
        let asked = reached.subtracting(isHeld ? [] : cleared[digest] ?? []).subtracting(silent)
        var agreed: Set<PoolName> = []
        for (pool, answer) in await Self.answers(of: asked, in: host.pools, about: digest) {
            switch answer {
            case .success:
                agreed.insert(pool)
                cleared[digest, default: []].insert(pool)
            case .failure(let failure as Failure) where failure.isImageNeeded: cleared[digest]?.remove(pool)
            case .failure(let error):
                silent.insert(pool)
                failures.append(error)
            }
        }
        // Cancelled, it may have lost the ledger's word by now.
        try Task.checkCancellation()
        guard isHeld, agreed == reached else { return }
        try await host.images.forget(digest)
        report("image \(digest) has left this host: nothing needs it any more")
    }

    private static func answers(
        of asked: Set<PoolName>, in pools: any VolumePools, about digest: Digest
    ) async -> [(PoolName, Result<Void, any Error>)] {
        await withTaskGroup(of: (PoolName, Result<Void, any Error>).self) { group in
            for pool in asked {
                group.addTask {
                    do {
                        try await pools.store(of: pool).removeImage(digest)
                        return (pool, .success(()))
                    } catch {
                        return (pool, .failure(error))
                    }
                }
            }
            var answers: [(PoolName, Result<Void, any Error>)] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
    }

    private func removeFiles() async throws {
        for image in try await ledger.deletedFiles(on: host.id, most: Self.mostAtOnce) {
            try Task.checkCancellation()
            do {
                _ = try await ledger.removeFile(of: image) { [host] in try await host.madeImages.remove(image) }
            } catch { failures.append(error) }
        }
    }
}
