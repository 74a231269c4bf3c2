import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem

/// Brings an image's bytes into `<key>.part` of a library and tells whether they are the right ones. Blocks; the caller holds the key's lock.
struct ImageTransfer {
    var source: ImageSource
    /// Names the partial file: the same source must give the same key, or an interrupted transfer is never gone on with.
    var key: String
    var directory: Directory
    var limits: TransferLimits
    var progress: TransferProgress.Observer

    /// Of an address and a validator together, in bytes; with longer ones a transfer starts over.
    private static let originLimit = 4096

    var partName: String { "\(key).part" }
    /// Says which file the partial one is the start of: the address in its first line, the server's validator in its second.
    private var originName: String { "\(key).part.from" }

    /// The whole file, not yet inspected. A wrong checksum, a full disk and a refusal remove it; what a broken connection left stays for
    /// the next attempt. After an attempt that went on with an old start and came out wrong, everything is fetched once more.
    func run(expecting checksum: Checksum?) throws -> PartFile {
        let isKnown = checksum != nil
        let part = try PartFile(directory.path(of: partName))
        do {
            let started = part.count
            try bring(into: part, isKnown: isKnown)
            if let checksum, !checksum.matches(part), started > 0 {
                try part.restart()
                try directory.remove(originName)
                try bring(into: part, isKnown: isKnown)
            }
            if let checksum, !checksum.matches(part) {
                throw ImageRefusal("its checksum is \(checksum.found(in: part)); \(checksum.text) was expected")
            }
            try directory.remove(originName)
            return part
        } catch let error where !isResumable(error) {
            try discard()
            throw error
        }
    }

    private func isResumable(_ error: any Error) -> Bool {
        if case .file = source { return false }
        return error is DownloadError || error is CancellationError
    }

    func discard() throws {
        try directory.remove(originName)
        try directory.remove(partName)
    }

    private func bring(into part: PartFile, isKnown: Bool) throws {
        switch source {
        case .file(let path):
            let file = try open(path, followingLinks: isKnown)
            let size = try file.size()
            guard size <= limits.fileSize else {
                throw ImageRefusal("its file has \(size.inBinaryUnits); at most \(limits.fileSize.inBinaryUnits) are accepted")
            }
            try part.restart()
            try admit(size, having: 0)
            try part.fill(from: file) { done in
                try Task.checkCancellation()
                progress(TransferProgress(bytesDone: done, bytesTotal: size))
            }
        case .url(let url):
            try Download(url: url, limits: limits).run(
                into: part, validator: try knownValidator(for: url),
                began: { validator in
                    let origin = validator.map { Array("\(url)\n\($0)".utf8) } ?? []
                    guard !origin.isEmpty, origin.count <= Self.originLimit else { return try directory.remove(originName) }
                    try directory.write(origin, as: originName)
                },
                admit: { try admit($0, having: part.count) }, progress: progress)
        }
    }

    /// A link may lead to what its maker could not read himself, such as another customer's disk. With a checksum nobody can gain by it.
    private func open(_ path: String, followingLinks: Bool) throws -> OpenFile {
        let kind = try FileFacts(path).kind
        guard kind == .file || kind == .symbolicLink else { throw ImageRefusal("it is not a regular file") }
        do throws(FileError) {
            let file = try OpenFile(path, followingLinks ? .readFollowingLinks : .read)
            let links = try file.links()
            if links > 1 && !followingLinks {
                throw FileError("open", path, code: EMLINK)
            }
            return file
        } catch {
            switch error.code {
            case ELOOP: throw ImageRefusal("it is a symbolic link: name the file that it leads to, or give its checksum")
            case EMLINK: throw ImageRefusal("it is a file with several names (hard links): copy it first, or give its checksum")
            case EINVAL: throw ImageRefusal("it is not a regular file")
            default: throw error
            }
        }
    }

    private func knownValidator(for url: String) throws -> String? {
        guard let bytes = try directory.read(originName, limit: Self.originLimit) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return lines.count == 2 && lines[0] == url ? String(lines[1]) : nil
    }

    private func admit(_ size: Int64, having: Int64) throws {
        let available = try directory.availableBytes()
        guard available >= size - having + limits.headroom else {
            throw Failure.full(cannot: "store the image", available: available, needed: size - having, headroom: limits.headroom)
        }
    }
}
