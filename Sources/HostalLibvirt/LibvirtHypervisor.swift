import FoundationEssentials
package import HostalModel
package import HostalProvisioning

/// Guests as libvirt domains.
///
/// Changes to one guest run one after another in this process; changes to different guests run on several connections, so that a start,
/// which takes libvirt half a second, holds up a few others at most; questions have a connection of their own.
package struct LibvirtHypervisor: Hypervisor {
    /// libvirt starts about four guests a second on two cores whatever is asked of it: more connections only make each wait longer.
    package static let connectionsForChanges = 4
    /// libvirt itself gives up on a busy guest after 30 s and on a libvirtd that falls silent after 20 s.
    package static let answerLimit = Duration.seconds(60)
    /// How often a guest is looked at again that somebody else keeps starting.
    private static let tries = 10

    private let settings: HypervisorSettings
    private let answerLimit: Duration
    private let changes: [LibvirtConnection]
    let questions: LibvirtConnection
    private var reports: GuestReports { GuestReports(directory: settings.reportDirectory) }

    /// Connects at the first call, so that this never fails. `answerLimit` is the longest that a caller waits for libvirt.
    package init(_ settings: HypervisorSettings, answerLimit: Duration = Self.answerLimit) {
        self.settings = settings
        self.answerLimit = answerLimit
        changes = (1...Self.connectionsForChanges).map { LibvirtConnection(uri: settings.uri, name: "libvirt-\($0)") }
        questions = LibvirtConnection(uri: settings.uri, name: "libvirt-ask")
    }

    package func define(_ guest: GuestDefinition, secret: StorageSecret?) async throws {
        let document = try DomainXML(guest, settings)
        let names = guest.names
        try await change(names.guest, "cannot define server \(names.server)") { session in
            try reports.makeDirectory()
            if let secret { try session.put(secret) }
            guard let present = try session.domain(names.guest.uuid) else {
                guard try session.domain(named: names.domain) == nil else { throw Refusal.foreign("name") }
                return try session.define(document.text)
            }
            let mark = try Self.mark(of: present, servedAs: names.server)
            guard present.name == names.domain else { throw Refusal.foreign("identity") }
            guard mark.epoch <= document.mark.epoch else {
                throw Refusal(
                    kind: .permanent,
                    cause: "a newer worker owns it, of epoch \(mark.epoch); this one's is \(document.mark.epoch)")
            }
            // A guest that runs without a definition has its mark, but would be gone at its next power-off.
            if try mark != document.mark || !present.isPersistent() { try session.define(document.text) }
        }
    }

    package func keep(_ secret: StorageSecret) async throws {
        try await run(on: changes[0], "cannot keep the secret of a disk") { session in try session.put(secret) }
    }

    package func undefine(_ guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot remove server \(server)") { session in
            // A start that a dead worker asked for may happen after all, even once the definition is gone: hence the second look.
            try Self.settle {
                guard let present = try session.domain(guest.uuid) else { return true }
                _ = try Self.mark(of: present, servedAs: server)
                if try present.isActive() { try present.destroy() } else { try present.undefine() }
                return false
            }
            try session.removeSecret(.iscsi, StorageSecret.name(of: guest))
        }
    }

    package func start(_ guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot start server \(server)") { session in
            try Self.settle {
                guard let present = try session.domain(guest.uuid) else {
                    throw Refusal(kind: .permanent, cause: "it is not defined")
                }
                _ = try Self.mark(of: present, servedAs: server)
                if try !present.isActive() { try present.start() } else if try present.isPaused() { try present.resume() }
                return true
            }
        }
    }

    package func stop(_ guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot stop server \(server)") { session in
            try Self.settle {
                guard let present = try session.domain(guest.uuid) else { return true }
                _ = try Self.mark(of: present, servedAs: server)
                guard try present.isActive() else { return true }
                try present.destroy()
                return false
            }
        }
    }

    package func shutDown(_ guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot shut down server \(server)") { session in
            guard let present = try session.domain(guest.uuid) else { return }
            _ = try Self.mark(of: present, servedAs: server)
            guard try present.isActive() else { return }
            // One that ends at this moment is still active and takes no more orders: it does what was asked for.
            do { try present.pressPowerButton() } catch let error as LibvirtError where error.isOvertaken {}
        }
    }

    package func reset(_ guest: GuestID, server: ServerID) async throws {
        try await change(guest, "cannot reset server \(server)") { session in
            try Self.settle {
                guard let present = try session.domain(guest.uuid) else {
                    throw Refusal(kind: .permanent, cause: "it is not defined")
                }
                _ = try Self.mark(of: present, servedAs: server)
                guard try present.isActive() else {
                    try present.start()
                    return true
                }
                try present.reset()
                if try present.isPaused() { try present.resume() }
                return true
            }
        }
    }

    package func setPassword(_ hash: String, of guest: GuestID, server: ServerID) async throws -> Bool {
        let action = "cannot set the password of server \(server)"
        return try await change(guest, action) { session in
            guard let present = try session.domain(guest.uuid) else {
                throw Refusal(kind: .permanent, cause: "it is not defined")
            }
            _ = try Self.mark(of: present, servedAs: server)
            guard try present.isActive() else {
                throw Failure(.permanent, .guestDidNotAnswer, "\(action): it is off; power it on first")
            }
            do {
                try present.setPassword(hash: hash, of: "root")
                return true
            } catch let error as LibvirtError where error.isOfSilentAgent {
                return false
            } catch let error as LibvirtError where error.isOfAgent {
                throw Failure(agent: error, action)
            }
        }
    }

    package func activeGuests() async throws -> Set<GuestID> {
        try await run(on: questions, "cannot tell which guests have power") { session in
            Set(try session.activeDomains().map { GuestID($0) })
        }
    }

    package func state(of guest: GuestID) async throws -> GuestState {
        try await run(on: questions, "cannot tell the state of guest \(guest)") { session in
            guard let present = try session.domain(guest.uuid) else { return .absent }
            return try present.isActive() ? .active : .off
        }
    }

    package func report(of guest: GuestID, instanceID: String, besides known: String?) async throws -> GuestReport? {
        let newest = try readingReports(of: guest, "read") { try reports.newest(of: guest, instanceID: instanceID) }
        return newest?.bootID == known ? nil : newest
    }

    package func discardReports(of guest: GuestID) async throws {
        try readingReports(of: guest, "remove") { try reports.remove(of: guest) }
    }

    package func remains(of guest: GuestID) async throws -> [String] {
        let domain: [String] = try await state(of: guest) == .absent ? [] : ["domain"]
        let hasSecret = try await run(on: questions, "cannot tell whether a secret of guest \(guest) is left") { session in
            try session.hasSecret(.iscsi, StorageSecret.name(of: guest))
        }
        let files = try readingReports(of: guest, "list") { try reports.files(of: guest) }
        return domain + (hasSecret ? ["secret"] : []) + files.map { _ in "report" }
    }

    /// Looks and acts until `attempt` finds nothing left to do. That a domain is gone or not in the state that it was just seen in means
    /// that somebody else was faster: it looks again.
    private static func settle(_ attempt: () throws -> Bool) throws {
        var overtaken: LibvirtError?
        for _ in 1...tries {
            do {
                if try attempt() { return }
            } catch let error as LibvirtError where error.isOvertaken {
                overtaken = error
            }
        }
        throw overtaken ?? Refusal(kind: .temporary, cause: "it is started again and again")
    }

    /// The mark of a domain that is this server's; anybody else's is refused.
    static func mark(of domain: borrowing DomainHandle, servedAs server: ServerID) throws -> GuestMark {
        guard let element = try domain.metadata(GuestMark.namespace), let mark = GuestMark(element: element),
            mark.server == server
        else { throw Refusal.foreign("identity") }
        return mark
    }

    func change<Value: Sendable>(
        _ guest: GuestID, _ action: String, _ operation: @escaping @Sendable (borrowing LibvirtSession) throws -> Value
    ) async throws -> Value {
        // The same guest always gets the same connection: that is what puts its changes in order.
        let byte = Int(guest.uuid.uuid.15)
        return try await run(on: changes[byte % changes.count], action, operation)
    }

    func run<Value: Sendable>(
        on connection: LibvirtConnection, _ action: String,
        _ operation: @escaping @Sendable (borrowing LibvirtSession) throws -> Value
    ) async throws -> Value {
        do {
            return try await answer(within: answerLimit) { try await connection.run(operation) }
        } catch {
            throw Failure(libvirt: error, action)
        }
    }

    private func readingReports<Value>(of guest: GuestID, _ verb: String, _ operation: () throws -> Value) throws -> Value {
        do {
            return try operation()
        } catch {
            throw Failure(
                .temporary, .serviceError, "cannot \(verb) the reports of guest \(guest): the host's disk refused", cause: error)
        }
    }
}
