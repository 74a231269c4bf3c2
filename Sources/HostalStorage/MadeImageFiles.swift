package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Images made of servers' disks, as files `image-NUMBER.qcow2` of the library that every host reads. They are customers': mode 0400, and root's.
///
/// A mark in the directory says that it is the library: an unmounted path is an error, never an empty one.
package struct MadeImageFiles: MadeImages {
    package let library: Directory
    private let sandbox: ToolSandbox
    private let answerLimit: Duration
    private let files = BlockingLane(name: "image library")
    /// Hashing takes minutes.
    private let hashing = BlockingLane(name: "image hashing")

    /// `answerLimit` is how long the library's storage may take for what is done in a moment.
    package init(library: Directory, sandbox: ToolSandbox = .required, answerLimit: Duration = .seconds(30)) {
        self.library = library
        self.sandbox = sandbox
        self.answerLimit = answerLimit
    }

    /// Makes the directory and marks it. Call it once for each library, with its storage mounted.
    package static func initialise(_ library: Directory) throws { try mark(library).initialise() }

    /// Throws a temporary failure unless the library is there. Blocks.
    package static func verify(_ library: Directory) throws {
        do { try mark(library).verify() } catch {
            throw Failure(.temporary, .serviceError, unreachable, detail: (error as? Failure)?.detail ?? "\(error)")
        }
    }

    private static let unreachable = "cannot reach the library of images: its storage is not available"

    private static func mark(_ library: Directory) -> PoolDirectory { PoolDirectory(library, id: "images") }

    package func place(of image: ImageID) async throws -> String {
        try await asking {}
        return library.path(of: name(image))
    }

    package func seal(_ image: ImageID, report: @escaping CopyReport) async throws -> MadeImage {
        let path = try await place(of: image)
        do {
            let (digest, facts, bytes) = try await hashing.perform { [library] in
                let whole = try OpenFile(path, .read).size()
                let part = try PartFile(path) { done in
                    try Task.checkCancellation()
                    report(TransferProgress(bytesDone: done, bytesTotal: whole).words(for: "the image's checksum"))
                }
                let facts = try ImageInspector.inspect(try part.sample(), as: .qcow2)
                try ImageInspector.inspectTables(of: part.file)
                try part.file.setMode(0o400)
                part.file.give(to: 0)
                try part.file.sync()
                try library.sync()
                return (part.digest, facts, part.count)
            }
            try await QemuImg(sandbox: sandbox).check(path)
            guard let digest = Digest(hex: digest) else { preconditionFailure("a SHA-256 has 64 digits") }
            return MadeImage(
                stored: StoredImage(digest: digest, path: path, format: facts.format, virtualSize: facts.virtualSize),
                bytes: bytes)
        } catch {
            throw Failure(storage: error, cannot: "check the image")
        }
    }

    package func remove(_ image: ImageID) async throws {
        let name = name(image)
        try await asking { [library] in
            // A killed copy's own, beside the image's.
            for file in try library.names() where file == name || file.hasPrefix("\(name).") { try library.remove(file) }
        }
    }

    private func asking(_ work: @escaping @Sendable () throws -> Void) async throws {
        let (library, files, limit) = (library, files, answerLimit)
        let answer: @Sendable () async throws -> Void = {
            try await files.perform {
                try Self.verify(library)
                try work()
            }
        }
        let silence: @Sendable () async throws -> Void = {
            try await Task.sleep(for: limit)
            throw Failure(
                .temporary, .serviceError, Self.unreachable, detail: "\(library.path) does not answer within \(limit)")
        }
        do { try await first(of: [answer, silence]) } catch {
            throw Failure(storage: error, cannot: "reach the library of images")
        }
    }

    private func name(_ image: ImageID) -> String { "image-\(image).qcow2" }
}
