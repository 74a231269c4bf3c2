package import HostalModel

/// How guests are run on this host.
package struct HypervisorSettings: Hashable, Sendable {
    /// QEMU's words for how a disk is cached. `none` passes the host's page cache by; it needs a file system that has O_DIRECT.
    package enum DiskCache: String, Sendable, CaseIterable { case none, writeback, directsync, writethrough }
    /// QEMU's words for how it waits for a disk. `native` needs the cache `none` or `directsync`.
    package enum DiskIO: String, Sendable, CaseIterable { case native, threads, ioUring = "io_uring" }

    /// libvirt's address: `qemu:///system`.
    package var uri: String
    package var accelerator: Accelerator
    /// Guests' reports lie here, one file each. On a disk of this host; made with mode 0700 when it is absent.
    package var reportDirectory: String
    package var diskCache: DiskCache
    package var diskIO: DiskIO
    /// How many times its vCPUs and its memory a guest can be given while it runs; 1: none more.
    package var liveGrowth: Int
    /// Guests with less memory are given none more while they run: being able to costs a Linux guest 64 MiB that has nothing above 4 GiB.
    package var memoryGrowthFrom: Mebibytes
    /// From here on Q35 puts some of a guest's memory above 4 GiB.
    package static let memoryGrowthFromDefault = Mebibytes(2_816)

    /// A nil cache or wait is the accelerator's best: `none` and `native` with KVM, `writeback` and `threads` without.
    package init(
        uri: String = "qemu:///system", accelerator: Accelerator, reportDirectory: String, diskCache: DiskCache? = nil,
        diskIO: DiskIO? = nil, liveGrowth: Int = 1,
        memoryGrowthFrom: Mebibytes = Self.memoryGrowthFromDefault
    ) {
        self.uri = uri
        self.accelerator = accelerator
        self.reportDirectory = reportDirectory
        self.diskCache = diskCache ?? (accelerator == .kvm ? .none : .writeback)
        self.liveGrowth = liveGrowth
        self.memoryGrowthFrom = memoryGrowthFrom
        self.diskIO = diskIO ?? (accelerator == .kvm ? .native : .threads)
    }

    package func reportPath(of guest: String) -> String { "\(reportDirectory)/\(guest).log" }
}
