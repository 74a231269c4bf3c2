import CLibvirt
package import HostalModel
import HostalProvisioning

/// A guest's file systems held still, by its agent, for the moment in which a copy of its disk begins.
extension LibvirtHypervisor {
    package func freeze(_ guest: GuestID, server: ServerID) async throws -> Bool {
        try await change(guest, "cannot hold back the writes of server \(server)") { session in
            guard let present = try session.domain(guest.uuid) else { return false }
            _ = try Self.mark(of: present, servedAs: server)
            return try session.unlessOff(guest, otherwise: false) { domain in
                for _ in 1...2 {
                    do {
                        try domain.freeze()
                        return true
                    } catch let error as LibvirtError where error.isOfAgentAtAll {
                        // It may have heard, and answer too late. Or it refuses because a dead worker's freeze still holds.
                        _ = try domain.thawIfItAnswers()
                        if error.isOfSilentAgent { return false }
                    }
                }
                return false
            }
        }
    }

    package func thaw(_ guest: GuestID, server: ServerID) async throws -> Bool {
        try await change(guest, "cannot let server \(server) write again") { session in
            guard let present = try session.domain(guest.uuid) else { return true }
            _ = try Self.mark(of: present, servedAs: server)
            return try session.unlessOff(guest, otherwise: true) { domain in try domain.thawIfItAnswers() }
        }
    }
}

extension DomainHandle {
    fileprivate func freeze() throws(LibvirtError) {
        try limitAgent()
        try check(virDomainFSFreeze(pointer, nil, 0, 0), "virDomainFSFreeze")
    }

    /// False when there is an agent that does not answer.
    fileprivate func thawIfItAnswers() throws(LibvirtError) -> Bool {
        do {
            try limitAgent()
            try check(virDomainFSThaw(pointer, nil, 0, 0), "virDomainFSThaw")
            return true
        } catch  where error.isOfAgentAtAll {
            return !error.isOfSilentAgent || error.isOfNoAgent
        }
    }
}

extension LibvirtError {
    /// libvirt has the same code for an agent that nobody runs and for one that says nothing.
    fileprivate var isOfNoAgent: Bool { message.contains("agent is not connected") }

    /// No agent, a silent one, or one that says no.
    fileprivate var isOfAgentAtAll: Bool { isOfSilentAgent || isOfAgent || has(VIR_ERR_ARGUMENT_UNSUPPORTED) }
}
