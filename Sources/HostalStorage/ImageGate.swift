package import HostalModel
import HostalProvisioning
package import HostalSystem

extension StoredImage {
    /// Refuses an image that is not whole, lies elsewhere than in `images`, or is larger than the disk that is to be made of it.
    package func check(in images: Directory, fitsIn size: Gibibytes) throws {
        let name = path.dropFirst(images.path.count + 1)
        guard path.hasPrefix("\(images.path)/"), !name.isEmpty, !name.contains("/"), name != "..", name != "." else {
            throw Failure(
                .permanent, .imageUnavailable,
                "cannot clone the image to a disk: the image is not in this host's image directory",
                detail: "\(path) is not in \(images.path)")
        }
        let facts = try ImageInspector.inspect(sample(), as: format)
        guard facts.virtualSize == virtualSize else {
            throw ImageRefusal("its disk is \(facts.virtualSize) bytes; \(virtualSize) bytes were expected")
        }
        guard size.bytes >= virtualSize else {
            throw Failure(
                .permanent, .invalidInput,
                "cannot clone the image to a disk of \(size): the image has \(virtualSize.inBinaryUnits), and a disk can only grow"
            )
        }
    }

    /// Permanent where the image is gone: it was fetched in an earlier step, which the next order takes again.
    private func sample() throws -> ImageSample {
        do throws(FileError) {
            return try ImageSample(OpenFile(path, .read))
        } catch {
            guard error.isAbsent else { throw error }
            throw Failure(
                .permanent, .imageUnavailable, "cannot clone the image to a disk: the image is no longer on its host",
                detail: "\(path), \(digest), is absent: somebody removed it")
        }
    }
}
