import HostalModel
import HostalProvisioning
import HostalSystem

/// Which files disks are, and whether a file is the disk that it is taken for.
extension LocalVolumes {
    func file(_ name: VolumeName, _ format: DiskFormat) -> String { "\(name).\(format.rawValue)" }
    func path(of volume: Volume) -> String { pool.directory.path(of: file(volume.name, volume.format)) }
    /// Whatever the pool's settings were when it was made.
    func names(of name: VolumeName) -> [String] { [DiskFormat.qcow2, .raw].map { file(name, $0) } }

    /// As a clone of the image is, by the pool's settings.
    func volume(_ name: VolumeName, of image: StoredImage, size: Int64) -> Volume {
        let format: DiskFormat =
            switch cloning {
            case .overlay, .flattened: .qcow2
            case .fullCopy: self.format
            case .reflink: image.format
            }
        return Volume(
            name: name, pool: self.name, source: .file(path: pool.directory.path(of: file(name, format))), format: format,
            size: size,
            backing: cloning.beginsAsOverlay ? VolumeBacking(source: .file(path: image.path), format: image.format) : nil)
    }

    /// Refuses a disk that is not exactly as a clone leaves it.
    func checkHeader(of volume: Volume) throws {
        let header = try header(of: volume, mayBeFlat: false)
        guard header.size == volume.size else {
            throw mistaken(volume, "found \(header.size) bytes; expected \(volume.size) bytes")
        }
    }

    /// Throws `needsOperator` for what is not the volume, and where the image below it is gone. Nothing is changed.
    func header(of volume: Volume, mayBeFlat: Bool = true) throws -> DiskHeader {
        let header: DiskHeader
        do {
            let file = try OpenFile(path(of: volume), .read)
            header = try DiskHeader(
                of: volume, head: file.bytes(ImageSample.headLimit, at: 0), length: file.size(),
                below: volume.backing?.source.file,
                mayBeFlat: mayBeFlat)
        } catch let refusal as ImageRefusal {
            throw mistaken(volume, refusal.reason)
        } catch let error as FileError where error.isAbsent {
            if let other = try names(of: volume.name).first(where: { try pool.directory.size(of: $0) != nil }) {
                throw mistaken(volume, "found \(other): it was made before the pool's settings were changed")
            }
            throw error
        }
        if let image = header.backing?.source.file, try images.isWithout(image) {
            throw Failure.withoutImage(image, where: "on this host")
        }
        return header
    }

    /// Throws `imageNeeded` where the header of a disk in this pool names the image, in whatever directory.
    func refuseNeeded(_ digest: Digest) throws {
        let images = [DiskFormat.qcow2, .raw].map { "/\(digest.hex).\($0.rawValue)" }
        do {
            try pool.verify()
            for disk in try pool.directory.names() where disk.hasSuffix(".\(DiskFormat.qcow2.rawValue)") {
                guard let head = try pool.directory.head(of: disk, ImageSample.headLimit),
                    let image = (try? QcowHeader(head))?.backing?.path
                else { continue }
                if images.contains(where: image.hasSuffix) {
                    throw Failure.imageNeeded("\(pool.directory.path(of: disk)) is built on it")
                }
            }
        } catch {
            throw Failure(storage: error, cannot: "remove the image")
        }
    }

    func mistaken(_ volume: Volume, _ problem: String) -> Failure {
        Failure(
            .needsOperator, .serviceError, "cannot use the disk that is already there: it is not the one that was ordered",
            detail: "\(path(of: volume)): \(problem)")
    }
}

extension Directory {
    /// The start of a file; nil when it is gone.
    fileprivate func head(of name: String, _ count: Int) throws -> [UInt8]? {
        do throws(FileError) {
            return try OpenFile(path(of: name), .read).bytes(count, at: 0)
        } catch {
            guard error.isAbsent else { throw error }
            return nil
        }
    }

    /// Whether the file, by its path, is not there.
    fileprivate func isWithout(_ path: String) throws -> Bool {
        do throws(FileError) {
            _ = try FileFacts(path)
            return false
        } catch {
            guard error.isAbsent else { throw error }
            return true
        }
    }
}
