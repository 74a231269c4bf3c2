package import HostalModel
package import HostalProvisioning
import HostalSystem

/// Moments of disks, copies of them, and disks that need no image any more.
extension RBDVolumes {
    package nonisolated var takesSnapshots: Bool { true }

    package func snapshot(_ volume: Volume, as name: SnapshotName) async throws {
        let action = "keep the disk as it is"
        try await doing(action) {
            let lock = try lock(volume.name)
            try await checkMark(volume.name, action)
            do {
                try await tools.rbd(["snap", "create", "--no-progress", spec(volume.name, name)], cannot: action)
            } catch RBDRefusal.exists {}
            lock.release()
        }
    }

    package func remove(_ snapshot: SnapshotName, of volume: Volume) async throws {
        let action = "remove a copy of the disk"
        try await doing(action) {
            let lock = try lock(volume.name)
            try await removeSnapshot("\(snapshot)", of: rbdName(volume.name), action)
            lock.release()
        }
    }

    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        let action = "copy the disk"
        try await doing(action) {
            let lock = try lock(volume.name)
            try await checkMark(volume.name, action)
            let size = try await tools.size(of: spec(volume.name, snapshot), cannot: action)
            let connection = connectionFile(volume.name)
            try work.write(Array(tools.configuration.utf8), as: connection)
            defer { try? work.remove(connection) }
            let image = try ToolImage.rbd(
                rbdName(volume.name), snapshot: snapshot.map { "\($0)" }, settings, connection: work.path(of: connection))
            try await DiskExport(to: path).write(image, size: size, with: qemuImg, slots: slots, report)
            lock.release()
        }
    }

    /// Ceph copies what the disk reads from its image, piece by piece: one that is cut off goes on with the next call.
    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        let action = "make the disk independent of its image"
        return try await doing(action) {
            let lock = try lock(volume.name)
            try await checkMark(volume.name, action)
            if try await tools.info(spec(volume.name), cannot: action).parent != nil {
                try await tools.rbd(["flatten", spec(volume.name)], within: CephTools.longLimit, cannot: action) { line in
                    guard let percent = line.wholeMatch(of: /.*: (\d+)% complete.*/).flatMap({ Int64($0.1) }) else { return }
                    report(TransferProgress(bytesDone: percent, bytesTotal: 100).words(for: QemuImg.copyIntoDisk))
                }
            }
            lock.release()
            return volume
        }
    }

    package func removeImage(_ digest: Digest) async throws {
        let action = "remove the image from the disk pool"
        try await doing(action) { try await bases.remove(digest, cannot: action) }
    }

    /// Those of orders that died; others stay, and Ceph then refuses to remove the disk.
    func removeOwnSnapshots(of image: String, _ action: String) async throws {
        for snapshot in try await tools.snapshots(of: tools.spec(image), cannot: action)
        where snapshot.wholeMatch(of: /hostal-\d+/) != nil {
            try await removeSnapshot(snapshot, of: image, action)
        }
    }

    private func removeSnapshot(_ snapshot: String, of image: String, _ action: String) async throws {
        do {
            try await tools.rbd(["snap", "rm", "--no-progress", "\(tools.spec(image))@\(snapshot)"], cannot: action)
        } catch RBDRefusal.absent {}
    }

    /// What a killed export left is replaced by the next, and removed with the disk.
    func connectionFile(_ name: VolumeName) -> String { "\(name).conf" }

    private func spec(_ name: VolumeName, _ snapshot: SnapshotName? = nil) -> String {
        tools.spec(rbdName(name)) + (snapshot.map { "@\($0)" } ?? "")
    }
}
