package import HostalModel
package import HostalProvisioning

/// A library of images without bytes: its files are among the host's leftovers.
extension FakeHost: MadeImages {
    package func place(of image: ImageID) async throws -> String { "/fake/image-\(image).qcow2" }

    package func seal(_ image: ImageID, report: @escaping CopyReport) async throws -> MadeImage {
        let path = try await place(of: image)
        guard leftovers.contains("file \(path)") else {
            throw Failure(.permanent, .imageUnavailable, "cannot check the image: it is empty")
        }
        return MadeImage(
            stored: StoredImage(
                digest: try Samples.server().image.digest, path: path, format: .qcow2, virtualSize: Samples.plan.disk.bytes),
            bytes: 1 << 20)
    }

    package func remove(_ image: ImageID) async throws { removeFile(at: try await place(of: image)) }
}
