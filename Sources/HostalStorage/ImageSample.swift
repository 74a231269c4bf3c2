package import HostalSystem

/// The parts of a disk image that say what it is: enough for `ImageInspector`, read without any tool.
package struct ImageSample: Sendable, Hashable {
    /// The first 64 KiB, or all of a smaller file.
    package var head: [UInt8]
    /// The last 512 bytes, or all of a smaller file.
    package var tail: [UInt8]
    /// Of the whole file, in bytes.
    package var size: Int64

    package static let headLimit = 64 << 10
    package static let tailLimit = 512

    package init(head: [UInt8], tail: [UInt8], size: Int64) {
        self.head = head
        self.tail = tail
        self.size = size
    }

    package init(_ file: borrowing OpenFile) throws(FileError) {
        size = try file.size()
        head = try file.bytes(Self.headLimit, at: 0)
        tail = try file.bytes(Self.tailLimit, at: max(0, size - Int64(Self.tailLimit)))
    }
}
