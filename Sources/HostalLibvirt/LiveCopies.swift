package import HostalModel
package import HostalProvisioning
import HostalSystem

/// Copies of running guests' disks. libvirt and QEMU make them by themselves: a worker that dies ends nothing.
extension LibvirtHypervisor {
    /// Between two looks at what QEMU does by itself.
    static let lookPause = Duration.milliseconds(500)
    /// How long a job that was told to end may take.
    static let endLimit = Duration.seconds(30)
    /// How long nobody may be there to ask before a copy is given up: a libvirtd that is restarted comes back to it.
    static let silenceLimit = Duration.seconds(60)
    /// Left free where a copy is written, in bytes: where nothing is left the guest stands still.
    static let roomKept: Int64 = 1 << 30

    package func copyDisk(
        of guest: GuestID, server: ServerID, to path: String, whenBegun: @escaping @Sendable () async -> Void,
        report: @escaping CopyReport
    ) async throws -> Bool {
        let action = "cannot copy the disk of server \(server)"
        try await endCopies(of: guest, server: server)
        let file = try LiveCopyFile(path, action)
        try await file.removeAll()
        do {
            guard try await beginCopy(of: guest, server: server, to: file, action) else { return false }
            await whenBegun()
            let isWhole = try await follow(
                action, report: { report(Self.words("the copy of the disk", $0, of: $1)) }, before: file.refuseToFillUp
            ) { session in try session.standingOfBackup(of: guest) }
            if isWhole { try await file.finish() } else { try await file.removeAll() }
            return isWhole
        } catch {
            await afterAll { try await self.endCopies(of: guest, server: server) }
            await afterAll { try await file.removeAll() }
            throw Failure(libvirt: error, action)
        }
    }

    package func endCopies(of guest: GuestID, server: ServerID) async throws {
        try await end([.backup, .pull], of: guest, server: server)
    }

    /// What somebody else does, such as a migration, is left alone.
    func end(_ kinds: Set<DomainHandle.RootJob.Kind>, of guest: GuestID, server: ServerID) async throws {
        let action = "cannot end the copies of the disk of server \(server)"
        let start = ContinuousClock.now
        while try await !isOver(kinds, of: guest, server: server, action) {
            guard ContinuousClock.now - start < Self.endLimit else {
                throw Failure(.temporary, .serviceError, "\(action): the hypervisor has not ended them in \(Self.endLimit)")
            }
            do { try await Task.sleep(for: Self.lookPause) } catch { throw Failure(libvirt: error, action) }
        }
    }

    /// Tells what is not to end.
    private func isOver(
        _ kinds: Set<DomainHandle.RootJob.Kind>, of guest: GuestID, server: ServerID, _ action: String
    ) async throws -> Bool {
        try await change(guest, action) { session in
            guard let present = try session.domain(guest.uuid) else { return true }
            _ = try Self.mark(of: present, servedAs: server)
            return try session.unlessOff(guest, otherwise: true) { domain in
                if kinds.contains(.backup), try domain.runsBackup() {
                    try domain.abortJob()
                    return false
                }
                if kinds.contains(.pull), try domain.rootJob()?.kind == .pull {
                    try domain.abortRootJob()
                    return false
                }
                // A full disk has stopped it, maybe that of the copy: it tries again what it was about to write.
                if try domain.standsStill() { try domain.resume() }
                return true
            }
        }
    }

    private func beginCopy(
        of guest: GuestID, server: ServerID, to file: LiveCopyFile, _ action: String
    ) async throws -> Bool {
        try await file.refuseToFillUp()
        return try await change(guest, action) { session in
            guard let present = try session.domain(guest.uuid) else { return false }
            _ = try Self.mark(of: present, servedAs: server)
            return try session.unlessOff(guest, otherwise: false) { domain in
                guard try domain.job().state == .none, try domain.rootJob() == nil else { throw Refusal.busyDisk() }
                // So that what is told afterwards is of this one.
                try domain.forgetLastJob()
                try domain.beginBackup(to: file.partial)
                return true
            }
        }
    }

    /// Looks until it is over, each time after `before`. False when the guest has lost its power.
    func follow(
        _ action: String, report: (Int64, Int64) -> Void, before: () async throws -> Void = {},
        _ look: @escaping @Sendable (borrowing LibvirtSession) throws -> CopyStanding
    ) async throws -> Bool {
        var silence: ContinuousClock.Instant?
        while true {
            try await Task.sleep(for: Self.lookPause)
            do {
                try await before()
                let standing = try await run(on: questions, action, look)
                silence = nil
                switch standing {
                case .running(let done, let total): report(done, total)
                case .done: return true
                case .off: return false
                case .failed(let cause): throw CopyFailure(cause: cause)
                }
            } catch let failure as Failure where failure.kind == .temporary && failure.code == .serviceError {
                let now = ContinuousClock.now
                let since = silence ?? now
                guard now - since < Self.silenceLimit else { throw failure }
                silence = since
            }
        }
    }

    /// Also in a task that has been cancelled. What does not work is left to the next worker, who begins with it.
    func afterAll(_ work: @escaping @Sendable () async throws -> Void) async {
        _ = await Task { try await work() }.result
    }

    static func words(_ what: String, _ done: Int64, of total: Int64) -> String {
        total > 0 ? "\(what), \(min(100, Int(Double(done) / Double(total) * 100))) % done" : what
    }
}

/// How a copy stands that QEMU makes by itself.
enum CopyStanding: Sendable {
    /// In bytes.
    case running(Int64, of: Int64)
    case done
    /// The guest has no power any more.
    case off
    /// What libvirt says of it, if it says anything.
    case failed(String?)
}

/// A copy that was begun and came to nothing.
struct CopyFailure: Error {
    var cause: String?
    var isForWantOfRoom: Bool {
        cause?.contains("No space left on device") ?? false || cause?.contains("Disk quota exceeded") ?? false
    }
}

extension Refusal {
    static func busyDisk(_ error: LibvirtError? = nil) -> Refusal {
        Refusal(kind: .temporary, cause: "the hypervisor is busy with it", detail: error.map { "\($0)" })
    }
}

extension LibvirtSession {
    /// What `body` says of the guest while it has power; `otherwise` when it has none, or loses it meanwhile.
    func unlessOff<Value>(
        _ guest: GuestID, otherwise off: Value, _ body: (borrowing DomainHandle) throws -> Value
    ) throws -> Value {
        guard let domain = try domain(guest.uuid), try domain.isActive() else { return off }
        do {
            return try body(domain)
        } catch let error as LibvirtError where error.isOvertaken {
            guard let again = try self.domain(guest.uuid), try again.isActive() else { return off }
            throw Refusal.busyDisk(error)
        }
    }

    func standingOfBackup(of guest: GuestID) throws -> CopyStanding {
        try unlessOff(guest, otherwise: .off) { domain in
            let job = try domain.job()
            if job.state == .running && job.isBackup {
                return try domain.standsStill() ? .failed("the guest stands still") : .running(job.done, of: job.total)
            }
            let last = try domain.lastJob()
            return last.isBackup && last.state == .completed ? .done : .failed(last.isBackup ? last.cause : nil)
        }
    }
}
