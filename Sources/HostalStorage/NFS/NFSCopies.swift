package import HostalModel
package import HostalProvisioning
import HostalSystem

/// Copies of disks that are there. The tools have QEMU's own client, which waits for a server that is gone; so somebody watches it meanwhile.
extension NFSVolumes {
    /// Between two looks at the server while a tool is under way.
    private static let interval = Duration.seconds(2)

    package func export(
        _ volume: Volume, snapshot: SnapshotName?, to path: String, report: @escaping CopyReport
    ) async throws {
        do {
            if snapshot != nil { throw Failure.takesNoSnapshots }
            let lock = try lock("\(volume.name)")
            let header = try header(of: volume)
            let disk = try ToolImage.disk(export.source(of: file(volume.name)), .qcow2, over: header.backing)
            let (place, qemuImg, slots) = (try DiskExport(to: path), qemuImg, slots)
            try await watched { try await place.write(disk, size: header.size, with: qemuImg, slots: slots, report) }
            lock.release()
        } catch {
            throw failure(error, cannot: "copy the disk")
        }
    }

    package func flatteningInUse(of volume: Volume) async throws -> FlatteningInUse {
        do {
            let header = try header(of: volume)
            if header.flatteningInUse == .hypervisor, let backing = header.backing {
                try await watched { [self] in try await makeSureOfRoom(forAllOf: backing) }
            }
            return header.flatteningInUse
        } catch {
            throw failure(error, cannot: "look at the disk")
        }
    }

    package func flatten(_ volume: Volume, report: @escaping CopyReport) async throws -> Volume {
        do {
            let lock = try lock("\(volume.name)")
            let header = try header(of: volume)
            if let backing = header.backing {
                let slot = try await slots.wait(cannot: "copy the image into the disk")
                let disk = try ToolImage.disk(export.source(of: file(volume.name)), .qcow2, over: backing)
                let qemuImg = qemuImg
                try await watched { [self] in
                    try await makeSureOfRoom(forAllOf: backing)
                    try await qemuImg.flatten(disk, writing: nil, size: header.size) {
                        report($0.words(for: QemuImg.copyIntoDisk))
                    }
                }
                try reach { try $0.sync(file(volume.name)) }
                slot.release()
            }
            lock.release()
            var flat = volume
            flat.backing = nil
            return flat
        } catch {
            throw failure(error, cannot: "copy the image into the disk")
        }
    }

    /// Reads the header of each disk in the pool: no disk loses its image by a caller's mistake.
    package func removeImage(_ digest: Digest) async throws {
        do {
            let place = NFSImages(pool: name, export: export, headroom: headroom)
            guard let lock = try FileLock.take(locks.path(of: "\(digest.hex).lock")) else {
                throw Failure(
                    .temporary, .serviceError, "cannot remove the image: another job is copying it to the disk pool")
            }
            try await copies.perform {
                // It may have waited for its turn longer than its caller did.
                try Task.checkCancellation()
                try place.remove(digest)
            }
            lock.release()
        } catch {
            throw failure(error, cannot: "remove the image")
        }
    }

    /// Throws `storageFull` unless the image fits into the pool once more.
    private func makeSureOfRoom(forAllOf backing: VolumeBacking) async throws {
        let needed = try await qemuImg.sizeOfCopy(of: .disk(backing.source, backing.format))
        let available = try reach { try $0.space().available }
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "copy the image into the disk", available: available, needed: needed, headroom: headroom)
        }
    }

    /// Ends the work with a temporary failure once the server does not answer any more.
    private func watched(_ work: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask { [self] in
                while true {
                    try await Task.sleep(for: Self.interval)
                    try await ping()
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func ping() throws { try reach { _ in } }
}
