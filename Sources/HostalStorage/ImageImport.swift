package import HostalModel
import HostalProvisioning
import HostalSystem

/// An image in a library, as the database will know it.
package struct ImportedImage: Hashable, Sendable {
    package var name: String
    package var digest: Digest
    package var format: DiskFormat
    /// What a guest sees, in bytes.
    package var virtualSize: Int64
    package var path: String
    /// Of the file.
    package var bytes: Int64
    /// What it was before it was converted; nil when it stayed as it was, or was known already.
    package var convertedFrom: ImportFormat?
}

/// What `hostalctl image import` does: takes an operator's image into a library, once its checksum and its header are right.
///
/// Registering it in the database is the caller's. Private addresses are allowed, since an operator's own mirror often has one: never
/// reachable with an address that a customer chose.
package struct ImageImport: Sendable {
    package var name: String
    package var source: ImageSource
    /// Nil for an operator's own file; nil for an address is refused unless `allowUnverified`.
    package var checksum: Checksum?
    package var allowUnverified: Bool
    /// Nil takes what the file says it is.
    package var format: ImportFormat?
    package var sandbox: ToolSandbox

    package init(
        name: String, source: ImageSource, checksum: Checksum?, allowUnverified: Bool = false, format: ImportFormat? = nil,
        sandbox: ToolSandbox = .required
    ) {
        self.name = name
        self.source = source
        self.checksum = checksum
        self.allowUnverified = allowUnverified
        self.format = format
        self.sandbox = sandbox
    }

    /// Images of other systems become qcow2, in a sandbox; `progress` then counts twice, the file's bytes and its disk's.
    ///
    /// Importing the same file again changes nothing and returns the same. An interrupted import of an address goes on where it ended.
    /// Throws a `Failure`: temporary when another import of the same source is running.
    package func run(
        into library: ImageLibrary, progress: @escaping TransferProgress.Observer = { _ in }
    ) async throws -> ImportedImage {
        guard name.wholeMatch(of: /[a-z0-9][a-z0-9.-]{0,62}/) != nil, name.contains(where: { !$0.isNumber }) else {
            throw Failure(
                .permanent, .invalidInput,
                "cannot import image '\(name)': its name must be 1 to 63 lower-case letters, digits, dots and hyphens, not digits alone"
            )
        }
        if case .url = source, checksum == nil, !allowUnverified {
            throw Failure(
                .permanent, .invalidInput,
                "cannot import image '\(name)': a download needs a checksum; give the publisher's SHA-256 or SHA-512")
        }
        let entry: LibraryShelf.Entry?
        var source: ImportFormat?
        do {
            entry = try await library.bring(
                self.source.location, key: key, expecting: checksum, format: format,
                convert: {
                    source = $0.facts.format
                    try await convert($0, headroom: library.limits.headroom, progress: progress)
                },
                vet: { path, facts in if facts.format == .qcow2 { try await QemuImg(sandbox: sandbox).check(path) } },
                progress: progress)
        } catch {
            throw Failure(storage: error, cannot: "import image '\(name)'")
        }
        guard let entry else {
            throw Failure(.temporary, .serviceError, "cannot import image '\(name)': another import of it is running")
        }
        return ImportedImage(
            name: name, digest: entry.image.digest, format: entry.image.format, virtualSize: entry.image.virtualSize,
            path: entry.image.path, bytes: entry.bytes, convertedFrom: source)
    }

    private func convert(_ image: ForeignArrival, headroom: Int64, progress: @escaping TransferProgress.Observer) async throws {
        let needed = image.facts.mapped + image.facts.mapped / 64
        let available = try image.directory.availableBytes()
        guard available >= needed + headroom else {
            throw Failure.full(cannot: "convert the image", available: available, needed: needed, headroom: headroom)
        }
        guard let slot = try CopySlots(directory: image.directory).take() else {
            throw Failure(
                .temporary, .serviceError,
                "cannot convert the image: \(CopySlots.defaultLimit) others are being converted; try again later")
        }
        try await QemuImg(sandbox: sandbox).convert(
            .file(image.path, image.facts.format), to: image.directory.path(of: image.convertedName),
            size: image.facts.virtualSize,
            progress: progress)
        slot.release()
    }

    /// A known digest is the key, as it is for a host's fetch; otherwise the source's own name is.
    private var key: String {
        if case .sha256(let digest)? = checksum { return digest.hex }
        var name = Digesting(.sha256)
        Array(source.location.utf8).withUnsafeBytes { name.update($0) }
        return "import-\(name.hexadecimal())"
    }
}
