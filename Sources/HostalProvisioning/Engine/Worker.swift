import Synchronization

/// Claims jobs of one host and runs them, several at once, until it is cancelled. Several workers may serve one host.
///
/// Leases are renewed by `keepLeases` on a connection of its own. A worker whose leases could not be renewed in time must end: that is
/// what `overdue` is for, read by a watchdog that does not depend on Swift's threads.
package final class Worker: Sendable {
    private struct Active {
        var tasks: [Lease: Task<Void, Never>] = [:]
        /// When the last renewal, or the claim that took the first lease, was asked for.
        var renewed = ContinuousClock.now
    }

    private let active = Mutex(Active())
    private let journal: any JobJournal
    private let heartbeat: any JobJournal
    private let runner: JobRunner
    private let settings: EngineSettings
    private let report: @Sendable (String) -> Void

    /// `heartbeat` is a journal on a connection that nothing else uses. `report` takes one line for the log.
    package init(
        journal: any JobJournal, heartbeat: any JobJournal, runner: JobRunner, settings: EngineSettings,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.journal = journal
        self.heartbeat = heartbeat
        self.runner = runner
        self.settings = settings
        self.report = report
    }

    /// How long leases have gone without renewal beyond three quarters of their time: the worker must end at once when it is not nil.
    package var overdue: Duration? {
        let since = active.withLock { $0.tasks.isEmpty ? nil : ContinuousClock.now - $0.renewed }
        guard let since, since > settings.lease * 3 / 4 else { return nil }
        return since
    }

    /// Runs until the task is cancelled; then lets steps end or be interrupted and gives every job back. `hints` makes it look at once.
    package func run(hints: AsyncStream<String>) async {
        let wake = Wake()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in hints { wake.signal() } }
            group.addTask { await self.keepLeases() }
            group.addTask { await self.claimJobs(wake) }
            await group.waitForAll()
        }
        let left = active.withLock { Array($0.tasks.values) }
        for task in left { task.cancel() }
        for task in left { await task.value }
    }

    private func claimJobs(_ wake: Wake) async {
        while !Task.isCancelled {
            let room = settings.concurrency - active.withLock { $0.tasks.count }
            var claimed: [ClaimedJob] = []
            if room > 0 {
                let asked = ContinuousClock.now
                do {
                    claimed = try await journal.claim(limit: room)
                } catch {
                    report("cannot claim jobs: \(error)")
                }
                // A lease counts from the question, so an answer that took long has left too little of it: by now another may hold it.
                let isFresh = ContinuousClock.now - asked < settings.lease / 2
                for job in claimed {
                    if isFresh { start(job, asked: asked, wake) } else { await handBack(job.job.lease) }
                }
            }
            // A full answer means that more may be due.
            if claimed.isEmpty || claimed.count == room {
                await wake.wait(atMost: room > claimed.count ? settings.poll : settings.poll)
            }
        }
    }

    private func start(_ claimed: ClaimedJob, asked: ContinuousClock.Instant, _ wake: Wake) {
        let lease = claimed.job.lease
        active.withLock { active in
            if active.tasks.isEmpty { active.renewed = asked }
            active.tasks[lease] = Task {
                await self.runToEnd(claimed)
                self.active.withLock { $0.tasks[lease] = nil }
                wake.signal()
            }
        }
    }

    private func runToEnd(_ claimed: ClaimedJob) async {
        let lease = claimed.job.lease
        do {
            try await runner.run(claimed)
        } catch is CancellationError {
            await handBack(lease)
        } catch {
            report("job \(lease.job): \(error)")
        }
    }

    /// The job is free for the next claim at once.
    private func handBack(_ lease: Lease) async {
        // Unstructured on purpose: this task may be cancelled.
        let journal = self.journal
        let back = Task { try await journal.handBack(lease) }
        do { try await back.value } catch { report("job \(lease.job): cannot hand back: \(error)") }
    }

    private func keepLeases() async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: settings.lease / 3) } catch { return }
            let leases = active.withLock { Array($0.tasks.keys) }
            guard !leases.isEmpty else { continue }
            let asked = ContinuousClock.now
            do {
                let kept = try await heartbeat.renew(leases)
                let lost = active.withLock { active in
                    active.renewed = asked
                    return leases.filter { !kept.contains($0) }.compactMap { active.tasks[$0] }
                }
                for task in lost { task.cancel() }
            } catch {
                report("cannot renew leases: \(error)")
            }
        }
    }
}

/// Lets one task sleep until it is signalled; a signal that comes first is kept. A signal too many costs one look at the database.
private final class Wake: Sendable {
    private struct State {
        var isSignalled = false
        var sleeper: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())

    func signal() {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.sleeper = nil }
            if state.sleeper == nil { state.isSignalled = true }
            return state.sleeper
        }?.resume()
    }

    func wait(atMost pause: Duration) async {
        let timer = Task {
            do { try await Task.sleep(for: pause) } catch { return }
            signal()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { sleeper in
                let isSignalled = state.withLock { state in
                    defer { state.isSignalled = false }
                    if !state.isSignalled { state.sleeper = sleeper }
                    return state.isSignalled
                }
                if isSignalled { sleeper.resume() }
            }
        } onCancel: {
            signal()
        }
        timer.cancel()
    }
}
