package import HostalModel
package import HostalProvisioning
import HostalSystem

/// Copies of disks. A LUN is a full copy from the start: it needs no image, and the pool keeps none.
extension ISCSIVolumes {
    /// The disk is on offer to this host afterwards, as it is once its guest was started here.
    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        guard snapshot == nil else { throw Failure.takesNoSnapshots }
        try await doing("copy the disk") {
            let lock = try lock(volume.name)
            let driver = turn(on: volume.name)
            let lun = try await existing(volume, driver)
            try await offer(lun.name, of: volume.name, remember: true, driver)
            let size = lun.size ?? 0
            try await withTool(on: lun.name, of: volume.name) { [qemuImg, slots] image in
                try await DiskExport(to: path).write(.iscsi(image), size: size, with: qemuImg, slots: slots, report)
            }
            lock.release()
        }
    }

    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        try await doing("look at the disk") { _ = try await existing(volume, driver) }
        return volume
    }

    package func removeImage(_ digest: Digest) async throws {}
}
