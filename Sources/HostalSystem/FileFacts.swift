import Glibc

/// What the kernel says about a path itself; a symbolic link at its end is not followed.
package struct FileFacts: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case file, directory, symbolicLink, blockDevice
        /// A character device, a FIFO or a socket.
        case other
    }

    package var kind: Kind
    package var owner: UInt32
    package var group: UInt32
    /// Permission bits.
    package var mode: UInt32
    /// How many names the file has.
    package var links: Int

    package init(_ path: String) throws(FileError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FileError("stat", path) }
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            case S_IFBLK: .blockDevice
            default: .other
            }
        owner = status.st_uid
        group = status.st_gid
        mode = status.st_mode & 0o7777
        links = Int(status.st_nlink)
    }
}
