package import HostalModel

/// An image that was made of a server's disk, checked and hashed.
package struct MadeImage: Hashable, Sendable, Codable {
    package var stored: StoredImage
    /// Of the file.
    package var bytes: Int64

    package init(stored: StoredImage, bytes: Int64) {
        self.stored = stored
        self.bytes = bytes
    }
}

/// Files of images that servers' disks become, in the library that hosts fetch images from. Every call is idempotent and throws a `Failure`.
package protocol MadeImages: Sendable {
    /// The file that the copy of a disk is to be written to: its name follows from the image alone, and its directory is there.
    func place(of image: ImageID) async throws -> String

    /// Takes what lies in the image's place for an image: checks it as one from elsewhere is checked, hashes it, and makes it outlast a power
    /// cut. Nothing writes to it any more. Takes as long as reading it; a task that is cancelled ends within seconds.
    func seal(_ image: ImageID, report: @escaping CopyReport) async throws -> MadeImage

    /// Removes the image's file, whole or half written. Absent is success.
    func remove(_ image: ImageID) async throws
}
