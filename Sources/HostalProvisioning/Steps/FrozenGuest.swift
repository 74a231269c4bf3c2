import HostalModel

/// A job's guest, held still by its agent for the moment in which a copy of its disk begins, and let go whatever becomes of the worker's task.
///
/// A slow agent still does what nobody waits for any more: whoever has asked for a freeze, answered or not, thaws until that is answered.
actor FrozenGuest {
    /// A silent agent is given up after ten seconds: five minutes.
    private static let tries = 30

    private let job: Job
    private let hypervisor: any Hypervisor
    private let answers: Bool
    private var mayBeFrozen: Bool
    private var thawing: Task<Bool, Never>?

    /// `answers`: the agent has just thawed. One that did not is asked for no freeze, and only a dead worker's may be under way.
    init(_ job: Job, _ hypervisor: any Hypervisor, answers: Bool) {
        self.job = job
        self.hypervisor = hypervisor
        self.answers = answers
        mayBeFrozen = !answers && job.hasBegunEarlier(CopyDisk.self)
    }

    /// True when the guest holds its writes back until `release`, or `end`, which follows in any case.
    func freeze() async throws -> Bool {
        guard answers else { return false }
        mayBeFrozen = true
        return try await hypervisor.freeze(job.server.guest, server: job.server.id)
    }

    /// Thaws, and goes on trying while the copy goes on. Does not wait for it.
    func release() {
        guard mayBeFrozen, thawing == nil else { return }
        thawing = Task {
            for _ in 1...Self.tries where !Task.isCancelled {
                if await thaw() { return true }
            }
            return false
        }
    }

    /// True when the guest writes again; false when nobody knows.
    func end() async -> Bool {
        guard mayBeFrozen else { return true }
        thawing?.cancel()
        if let thawing, await thawing.value { return true }
        return await thaw()
    }

    /// In a task of its own: the worker's may have been cancelled, and then nothing would be done.
    private func thaw() async -> Bool {
        let work = Task { [hypervisor, job] in try await hypervisor.thaw(job.server.guest, server: job.server.id) }
        guard case .success(let isThawed) = await work.result else { return false }
        return isThawed
    }
}

extension Job {
    /// An earlier claim may have done some of the step.
    fileprivate func hasBegunEarlier(_ step: (some Step).Type) -> Bool { ages[step.name] != nil }
}
