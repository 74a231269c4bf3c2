import Glibc

/// Who may use a file, by its permission bits. A symbolic link at the end of the path counts itself.
package struct FileMode: Hashable, Sendable {
    package let bits: UInt32

    package init(_ path: String) throws(FileError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw FileError("stat", path) }
        bits = status.st_mode & 0o7777
    }

    package var isOpenToOthers: Bool { bits & 0o077 != 0 }
}
