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
        let part = try PartFile(directory.path(of: partName))
        do {
            let started = part.count
            try bring(into: part)
            if let checksum, !checksum.matches(part), started > 0 {
                try part.restart()
                try directory.remove(originName)
                try bring(into: part)
            }
            if let checksum, !checksum.matches(part) {
                throw ImageRefusal("its checksum is \(checksum.found(in: part)); \(checksum.text) was expected")
            }
            try directory.remove(originName)
            return part
        } catch let error where !(error is DownloadError || error is CancellationError) {
            try discard()
            throw error
        }
    }

    func discard() throws {
        try directory.remove(originName)
        try directory.remove(partName)
    }

    private func bring(into part: PartFile) throws {
        switch source {
        case .file(let path):
            let file = try OpenFile(path, .readFollowingLinks)
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
