package import HostalModel
package import HostalProvisioning

/// Running guests' disks made to stand on their own. QEMU does it by itself: a worker that dies ends nothing.
extension LibvirtHypervisor {
    package func flattenDisk(
        of guest: GuestID, server: ServerID, mebibytesPerSecond: Int, report: @escaping CopyReport
    ) async throws -> Bool {
        let action = "cannot copy the image into the disk of server \(server)"
        let rate = mebibytesPerSecond << 20
        do {
            // A pull that is under way is gone on with.
            try await end([.backup], of: guest, server: server)
            switch try await beginPull(of: guest, server: server, rate: rate, action) {
            case .done: return true
            case .off: return false
            case .failed, .running: break
            }
            return try await follow(
                action, report: { report(Self.words("the copy of the image into the disk", $0, of: $1)) }
            ) { session in try session.standingOfPull(of: guest) }
        } catch {
            await afterAll { try await self.endCopies(of: guest, server: server) }
            throw Failure(libvirt: error, action)
        }
    }

    private func beginPull(of guest: GuestID, server: ServerID, rate: Int, _ action: String) async throws -> CopyStanding {
        try await change(guest, action) { session in
            guard let present = try session.domain(guest.uuid) else { return .off }
            _ = try Self.mark(of: present, servedAs: server)
            return try session.unlessOff(guest, otherwise: .off) { domain in
                guard try domain.rootHasBacking() else { return .done }
                guard let job = try domain.rootJob() else {
                    try domain.beginPull(rate: rate)
                    return .running(0, of: 0)
                }
                guard job.kind == .pull else { throw Refusal.busyDisk() }
                try domain.setRate(rate)
                return .running(job.done, of: job.total)
            }
        }
    }
}

extension LibvirtSession {
    fileprivate func standingOfPull(of guest: GuestID) throws -> CopyStanding {
        try unlessOff(guest, otherwise: .off) { domain in
            if let job = try domain.rootJob(), job.kind == .pull {
                return try domain.standsStill() ? .failed("the guest stands still") : .running(job.done, of: job.total)
            }
            return try domain.rootHasBacking() ? .failed(nil) : .done
        }
    }
}
