import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// How a disk is made of an image.
extension LocalVolumes {
    /// What an empty overlay takes at most: its header and first tables.
    private static let overlaySize: Int64 = 4 << 20

    func make(_ volume: Volume, from image: StoredImage, _ report: @escaping CopyReport) async throws {
        let needed =
            cloning == .fullCopy
            ? try await qemuImg.sizeOfCopy(of: .file(image.path, ImportFormat(image.format)), as: volume.format)
            : Self.overlaySize
        let available = try pool.directory.availableBytes()
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "clone the image to a disk", available: available, needed: needed, headroom: headroom)
        }
        // Unique: the tool of a worker that was killed may live on, and then writes into a file that has no name any more.
        let partial = "\(volume.name).part-\(UUID().uuidString.lowercased())"
        let path = pool.directory.path(of: partial)
        do {
            switch cloning {
            case .overlay, .flattened:
                try await qemuImg.createOverlay(
                    at: path, size: volume.size, backing: image.path, format: image.format, flattensInUse: cloning == .flattened)
            case .fullCopy:
                try await copy(image, to: path, as: volume, report)
            case .reflink:
                try share(image, with: path)
                try await lengthen(path, volume.format, to: volume.size)
            }
            let written = try OpenFile(path, .update)
            try written.setMode(0o600)
            try written.sync()
            try pool.directory.rename(partial, to: file(volume.name, volume.format))
            try pool.directory.sync()
        } catch {
            try pool.directory.remove(partial)
            throw error
        }
    }

    /// Makes a disk `size` bytes long; `backing` is the path of the file below it. A raw disk's file is its disk: no tool looks into it.
    func lengthen(_ path: String, _ format: DiskFormat, to size: Int64, over backing: String? = nil) async throws {
        switch format {
        case .qcow2: try await qemuImg.grow(path, to: size, backing: backing)
        case .raw: try OpenFile(path, .update).truncate(to: size)
        }
    }

    /// Two copies at once on a host; images lie on the host itself, so that its directory is where to count them.
    private func copy(_ image: StoredImage, to path: String, as volume: Volume, _ report: @escaping CopyReport) async throws {
        let slot = try await slots.wait(cannot: "clone the image to a disk")
        try await qemuImg.convert(
            .file(image.path, ImportFormat(image.format)), to: path, as: volume.format, size: image.virtualSize
        ) { report($0.words(for: QemuImg.copyOfDisk)) }
        try await lengthen(path, volume.format, to: volume.size)
        slot.release()
    }

    private func share(_ image: StoredImage, with path: String) throws {
        do throws(FileError) {
            try OpenFile(path, .update).shareBlocks(of: OpenFile(image.path, .read))
        } catch {
            guard [EXDEV, EOPNOTSUPP, ENOTTY, EINVAL].contains(error.code) else { throw error }
            throw Failure(
                .needsOperator, .serviceError, "cannot clone the image to a disk: the settings of the disk pool are wrong",
                detail:
                    "pool '\(name)' has cloning=reflink, for which \(images.path) and \(pool.directory.path) must lie on one file"
                    + " system that shares blocks, such as XFS or btrfs; else set cloning to overlay or full_copy (\(error))")
        }
    }
}
