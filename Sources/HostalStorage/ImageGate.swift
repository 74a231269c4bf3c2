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
        let facts = try ImageInspector.inspect(ImageSample(OpenFile(path, .read)), as: format)
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
}
