import FoundationEssentials
import Glibc
package import HostalModel
package import HostalProvisioning

/// Fences as files: one for each guest, locked while somebody acts on the guest, holding the greatest lease epoch that ever did.
///
/// The lock belongs to the process that acts: a worker that was stopped half way through an effect keeps it, and nobody else acts on that
/// guest until it has gone on or died. The directory should not survive a boot (`/run`): no worker does either.
package struct FenceDirectory: HostFence {
    private let path: String

    /// Files that nobody has used for so long are swept: no worker lives that long without its lease.
    static let sweepAge = 86_400.0

    /// Makes the directory, mode 0700, and sweeps old files.
    package init(path: String) throws(Failure) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let limit = Date.now.addingTimeInterval(-Self.sweepAge)
            for name in try FileManager.default.contentsOfDirectory(atPath: path) {
                let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
                if let used = attributes[.modificationDate] as? Date, used < limit { unlink("\(path)/\(name)") }
            }
        } catch {
            throw Failure(.temporary, .serviceError, "cannot prepare the host: internal error", cause: error)
        }
    }

    package func guarding<T: Sendable>(_ guest: GuestID, lease: Lease, _ body: () async throws -> T) async throws -> T {
        let descriptor = open("\(path)/\(guest)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw systemFailure("open") }
        // Closing lets go of the lock.
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            if errno == EWOULDBLOCK { throw FenceBusy() }
            throw systemFailure("flock")
        }
        var seen: Int64 = 0
        let read = pread(descriptor, &seen, 8, 0)
        guard read >= 0 else { throw systemFailure("read") }
        guard read < 8 || seen <= lease.epoch else { throw LeaseLost(lease) }
        var mine = lease.epoch
        guard pwrite(descriptor, &mine, 8, 0) == 8 else { throw systemFailure("write") }
        return try await body()
    }

    private func systemFailure(_ call: String) -> Failure {
        Failure(
            .temporary, .serviceError, "cannot prepare the host: internal error",
            detail: "\(call) of a fence below \(path): \(String(cString: strerror(errno)))")
    }
}
