import Glibc
package import HostalModel
package import HostalProvisioning
package import HostalSystem

/// Images made of servers' disks, as files `image-NUMBER.qcow2` of the library that every host reads. They are customers': mode 0400, and root's.
package struct MadeImageFiles: MadeImages {
    package let library: Directory
    private let sandbox: ToolSandbox
    private let lane = BlockingLane(name: "made-images")

    package init(library: Directory, sandbox: ToolSandbox = .required) {
        self.library = library
        self.sandbox = sandbox
    }

    package func place(of image: ImageID) async throws -> String {
        do {
            try library.makeForPassage()
        } catch {
            throw Failure(
                .temporary, .serviceError, "cannot copy the disk: the library of images is not available", cause: error)
        }
        return library.path(of: name(image))
    }

    package func seal(_ image: ImageID, report: @escaping CopyReport) async throws -> MadeImage {
        let (library, name) = (library, name(image))
        do {
            let (digest, facts, bytes) = try await lane.perform {
                let whole = try OpenFile(library.path(of: name), .read).size()
                let part = try PartFile(library.path(of: name)) { done in
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
            try await QemuImg(sandbox: sandbox).check(library.path(of: name))
            guard let digest = Digest(hex: digest) else { preconditionFailure("a SHA-256 has 64 digits") }
            return MadeImage(
                stored: StoredImage(
                    digest: digest, path: library.path(of: name), format: facts.format, virtualSize: facts.virtualSize),
                bytes: bytes)
        } catch {
            throw Failure(storage: error, cannot: "check the image")
        }
    }

    package func remove(_ image: ImageID) async throws {
        do {
            // A killed copy's own, beside the image's.
            for file in try library.names() where file == name(image) || file.hasPrefix("\(name(image)).") {
                try library.remove(file)
            }
        } catch let error where error.isAbsent {
            // No library, no image.
        } catch {
            throw Failure(storage: error, cannot: "remove the image")
        }
    }

    private func name(_ image: ImageID) -> String { "image-\(image).qcow2" }
}
