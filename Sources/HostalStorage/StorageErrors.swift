package import HostalProvisioning
import HostalSystem

extension Failure {
    /// What an error of files, `qemu-img`, downloads or the inspector means to a job. `cannot` completes "cannot …".
    package init(storage error: any Error, cannot action: String) {
        switch error {
        case let failure as Failure:
            self = failure
        case let error as FileError where error.isFull:
            self.init(.permanent, .storageFull, "cannot \(action): the disk pool is full", cause: error)
        case let error as CommandError where error.saysFull:
            self.init(.permanent, .storageFull, "cannot \(action): the disk pool is full", cause: error)
        case let error as CommandError where error.isWithoutSandbox:
            self.init(
                .needsOperator, .serviceError, "cannot \(action): the host's storage tools cannot be started safely",
                detail: "\(error); 'hostald check' says more")
        case let refusal as ImageRefusal:
            self.init(.permanent, .imageUnavailable, "cannot \(action): \(refusal.reason)")
        case let error as DownloadError:
            self.init(
                error.isPermanent ? .permanent : .temporary, .imageUnavailable, "cannot \(action): \(error.cause)", cause: error)
        case is CancellationError:
            self.init(.temporary, .cancelled, "cannot \(action): it was interrupted")
        default:
            self.init(.temporary, .serviceError, "cannot \(action): the host's storage reported an error", cause: error)
        }
    }

    /// The pool has `available` bytes where `needed` and the reserve of `headroom` must fit.
    package static func full(cannot action: String, available: Int64, needed: Int64, headroom: Int64) -> Failure {
        Failure(
            .permanent, .storageFull, "cannot \(action): the disk pool is full",
            detail:
                "\(available.inBinaryUnits) free; \(needed.inBinaryUnits) needed and \(headroom.inBinaryUnits) kept in reserve")
    }
}

extension CommandError {
    /// bubblewrap is missing, or the kernel refused what it asked for: the tool itself never started.
    fileprivate var isWithoutSandbox: Bool {
        errorTail.hasPrefix("bwrap: ") || errorTail.contains("failed to execute bwrap")
    }
    var saysFull: Bool { errorTail.contains("No space left on device") || errorTail.contains("Disk quota exceeded") }
}
