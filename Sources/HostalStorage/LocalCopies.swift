package import HostalModel
package import HostalProvisioning
import HostalSystem

/// Copies of disks that are there.
extension LocalVolumes {
    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        do {
            try refuse(snapshot)
            try pool.verify()
            let lock = try lock(volume.name)
            let header = try header(of: volume)
            try await DiskExport(to: path).write(
                .disk(.file(path: self.path(of: volume)), volume.format, over: header.backing), size: header.size, with: qemuImg,
                slots: slots, report)
            lock.release()
        } catch {
            throw Failure(storage: error, cannot: "copy the disk")
        }
    }

    package func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse {
        do {
            try pool.verify()
            let header = try header(of: volume)
            if header.flatteningInUse == .hypervisor { try await makeSureOfRoom(forAllOf: header.backing) }
            return header.flatteningInUse
        } catch {
            throw Failure(storage: error, cannot: "look at the disk")
        }
    }

    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        do {
            try pool.verify()
            let lock = try lock(volume.name)
            let header = try header(of: volume)
            if let backing = header.backing {
                try await makeSureOfRoom(forAllOf: backing)
                let slot = try await slots.wait(cannot: "copy the image into the disk")
                let path = path(of: volume)
                try await qemuImg.flatten(
                    .disk(.file(path: path), volume.format, over: backing), writing: path, size: header.size
                ) { report($0.words(for: QemuImg.copyIntoDisk)) }
                try OpenFile(path, .update).sync()
                slot.release()
            }
            lock.release()
            var flat = volume
            flat.backing = nil
            return flat
        } catch {
            throw Failure(storage: error, cannot: "copy the image into the disk")
        }
    }

    /// The images are the host's own and stay: the pool only says whether a disk is built on this one.
    package func removeImage(_ digest: Digest) async throws { try refuseNeeded(digest) }

    /// Throws `storageFull` unless the image fits into the pool once more.
    private func makeSureOfRoom(forAllOf backing: VolumeBacking?) async throws {
        guard let backing else { return }
        let needed = try await qemuImg.sizeOfCopy(of: .disk(backing.source, backing.format))
        let available = try pool.directory.availableBytes()
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "copy the image into the disk", available: available, needed: needed, headroom: headroom)
        }
    }

    private func refuse(_ snapshot: SnapshotName?) throws {
        if snapshot != nil { throw Failure.takesNoSnapshots }
    }
}
