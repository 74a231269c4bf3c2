import Glibc
import HostalModel
import HostalProvisioning

extension Failure {
    /// What an error of an NFS server means to a job. A refusal is temporary too: exports are away for a moment when a server starts again.
    init(nfs error: any Error, cannot action: String, pool: PoolName, _ export: NFSExport) {
        switch error {
        case let error as NFSError where error.code == ENOSPC || error.code == EDQUOT:
            self.init(
                .permanent, .storageFull, "cannot \(action): the disk pool is full", detail: "pool '\(pool)': \(error)")
        case let error as NFSError:
            self.init(
                .temporary, .serviceError, "cannot \(action): the disk pool's storage is not available",
                detail: "pool '\(pool)' (\(export.description)): \(error)")
        case let failure as Failure:
            self = failure
        default:
            self.init(storage: error, cannot: action)
            detail = "pool '\(pool)': \(detail ?? message)"
        }
    }
}
