import CLibvirt
import Glibc
import HostalModel

/// What QEMU is doing with the disks of a domain that runs, beside the guest, as libvirt's calls tell. Every call blocks, briefly.
extension DomainHandle {
    static let root = "vda"

    /// A job of the whole domain.
    struct Job: Sendable {
        enum State: Sendable { case none, running, completed, failed, cancelled }
        var state: State
        var isBackup: Bool
        /// In bytes of the disk.
        var done: Int64
        var total: Int64
        /// Why it failed, if libvirt knows.
        var cause: String?
    }

    /// A job of the root disk. A backup is one of these too.
    struct RootJob: Sendable {
        enum Kind: Sendable { case pull, backup, other }
        var kind: Kind
        var done: Int64
        var total: Int64
    }

    /// The job that runs.
    func job() throws(LibvirtError) -> Job { try jobStatistics(0) }

    func runsBackup() throws(LibvirtError) -> Bool {
        let job = try job()
        return job.state == .running && job.isBackup
    }

    /// The last one that is over, until it is forgotten. libvirt keeps it while the guest is off and while libvirtd is away.
    func lastJob() throws(LibvirtError) -> Job {
        try jobStatistics(VIR_DOMAIN_JOB_STATS_COMPLETED.rawValue | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED.rawValue)
    }

    func forgetLastJob() throws(LibvirtError) { _ = try jobStatistics(VIR_DOMAIN_JOB_STATS_COMPLETED.rawValue) }

    func abortJob() throws(LibvirtError) { try check(virDomainAbortJob(pointer), "virDomainAbortJob") }

    /// Begins a full copy of the root disk as it is now to a file that is not there; libvirt makes it. While another runs libvirt would wait
    /// half a minute and refuse.
    func beginBackup(to path: String) throws {
        let document = try XMLElement(
            "domainbackup", ["mode": "push"],
            [
                XMLElement(
                    "disks", [:],
                    [
                        XMLElement(
                            "disk", ["name": Self.root, "backup": "yes", "type": "file"],
                            [XMLElement("driver", ["type": "qcow2"]), XMLElement("target", ["file": path])])
                    ])
            ]
        ).written()
        try check(virDomainBackupBegin(pointer, document, nil, 0), "virDomainBackupBegin")
    }

    /// It stands because a disk, or the file of a copy, had no room or failed.
    func standsStill() throws(LibvirtError) -> Bool {
        var state: Int32 = 0
        var reason: Int32 = 0
        try check(virDomainGetState(pointer, &state, &reason, 0), "virDomainGetState")
        return state == Int32(VIR_DOMAIN_PAUSED.rawValue) && reason == Int32(VIR_DOMAIN_PAUSED_IOERROR.rawValue)
    }

    /// Nil when nobody does anything with it.
    func rootJob() throws(LibvirtError) -> RootJob? {
        var info = virDomainBlockJobInfo()
        let found = virDomainGetBlockJobInfo(pointer, Self.root, &info, 0)
        try check(found, "virDomainGetBlockJobInfo")
        guard found > 0 else { return nil }
        let kind: RootJob.Kind =
            switch info.type {
            case Int32(VIR_DOMAIN_BLOCK_JOB_TYPE_PULL.rawValue): .pull
            case Int32(VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP.rawValue): .backup
            default: .other
            }
        return RootJob(kind: kind, done: Int64(clamping: info.cur), total: Int64(clamping: info.end))
    }

    /// Begins to copy what the root disk reads from below into itself, at this rate at most, in bytes per second.
    func beginPull(rate: Int) throws(LibvirtError) {
        try check(
            virDomainBlockPull(pointer, Self.root, CUnsignedLong(rate), VIR_DOMAIN_BLOCK_PULL_BANDWIDTH_BYTES.rawValue),
            "virDomainBlockPull")
    }

    func setRate(_ rate: Int) throws(LibvirtError) {
        try check(
            virDomainBlockJobSetSpeed(
                pointer, Self.root, CUnsignedLong(rate), VIR_DOMAIN_BLOCK_JOB_SPEED_BANDWIDTH_BYTES.rawValue),
            "virDomainBlockJobSetSpeed")
    }

    /// Does not wait until it has ended.
    func abortRootJob() throws(LibvirtError) {
        try check(
            virDomainBlockJobAbort(pointer, Self.root, VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC.rawValue), "virDomainBlockJobAbort")
    }

    /// Whether the running guest's root disk reads from another file, as the live document tells: libvirt has no call for it.
    func rootHasBacking() throws(LibvirtError) -> Bool {
        guard let document = virDomainGetXMLDesc(pointer, 0) else { throw .take("virDomainGetXMLDesc") }
        defer { free(document) }
        return String(cString: document).split(separator: "<disk ").contains { disk in
            disk.contains("<target dev='\(Self.root)'") && disk.contains("<backingStore type=")
        }
    }

    private func jobStatistics(_ flags: UInt32) throws(LibvirtError) -> Job {
        var type: Int32 = 0
        var list: virTypedParameterPtr?
        var count: Int32 = 0
        try check(virDomainGetJobStats(pointer, &type, &list, &count, flags), "virDomainGetJobStats")
        defer { virTypedParamsFree(list, count) }
        var operation: Int32 = 0
        _ = virTypedParamsGetInt(list, count, VIR_DOMAIN_JOB_OPERATION, &operation)
        var (done, total): (UInt64, UInt64) = (0, 0)
        _ = virTypedParamsGetULLong(list, count, VIR_DOMAIN_JOB_DISK_PROCESSED, &done)
        _ = virTypedParamsGetULLong(list, count, VIR_DOMAIN_JOB_DISK_TOTAL, &total)
        var cause: UnsafePointer<CChar>?
        _ = virTypedParamsGetString(list, count, VIR_DOMAIN_JOB_ERRMSG, &cause)
        return Job(
            state: Self.state(type), isBackup: operation == Int32(VIR_DOMAIN_JOB_OPERATION_BACKUP.rawValue),
            done: Int64(clamping: done), total: Int64(clamping: total), cause: cause.map { String(cString: $0) })
    }

    private static func state(_ type: Int32) -> Job.State {
        switch type {
        case Int32(VIR_DOMAIN_JOB_NONE.rawValue): .none
        case Int32(VIR_DOMAIN_JOB_COMPLETED.rawValue): .completed
        case Int32(VIR_DOMAIN_JOB_FAILED.rawValue): .failed
        case Int32(VIR_DOMAIN_JOB_CANCELLED.rawValue): .cancelled
        default: .running
        }
    }
}
