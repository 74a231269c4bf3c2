import Glibc

/// A directory whose entries are made whole, renamed and removed. Calls block; they throw `FileError`.
package struct Directory: Sendable, Hashable {
    /// Absolute, without a slash at its end.
    package let path: String

    /// Nil unless the path is absolute, not the root, and without empty, `.` and `..` components.
    package init?(_ path: String) {
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        guard components.count > 1, components[0].isEmpty,
            components.dropFirst().allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { return nil }
        self.path = path
    }

    package func path(of name: String) -> String { "\(path)/\(name)" }

    /// The directory itself, mode 0700, below one that exists. There already is success.
    package func makeForOwner() throws(FileError) {
        guard mkdir(path, 0o700) != 0 else { return }
        let error = FileError("mkdir", path)
        guard error.code == EEXIST else { throw error }
    }

    /// Names in no order, without `.` and `..`.
    package func names() throws(FileError) -> [String] {
        guard let stream = opendir(path) else { throw FileError("open", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// In bytes, of the entry itself and not of what a symbolic link points at; nil when it is absent.
    package func size(of name: String) throws(FileError) -> Int64? {
        var status = stat()
        if lstat(path(of: name), &status) == 0 { return Int64(status.st_size) }
        let error = FileError("stat", path(of: name))
        guard error.isAbsent else { throw error }
        return nil
    }

    /// Absent is success.
    package func remove(_ name: String) throws(FileError) {
        guard unlink(path(of: name)) != 0 else { return }
        let error = FileError("unlink", path(of: name))
        guard error.isAbsent else { throw error }
    }

    /// Replaces what has the new name, in one step.
    package func rename(_ name: String, to new: String) throws(FileError) {
        guard Glibc.rename(path(of: name), path(of: new)) == 0 else { throw FileError("rename", path(of: name)) }
    }

    /// Names made, changed and removed so far survive a power cut once this returns.
    package func sync() throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
    }

    /// A small file, whole and synced: it appears with all of its contents or not at all. Mode 0644.
    package func write(_ contents: [UInt8], as name: String) throws(FileError) {
        let temporary = "\(name).new"
        try remove(temporary)
        do throws(FileError) {
            let file = try OpenFile(path(of: temporary), .update)
            let outcome: Result<Void, FileError> = contents.withUnsafeBytes { bytes in
                Result { () throws(FileError) in try file.write(bytes, at: 0) }
            }
            try outcome.get()
            try file.setMode(0o644)
            try file.sync()
            try rename(temporary, to: name)
        } catch {
            try remove(temporary)
            throw error
        }
    }

    /// At most `limit` bytes of a file; nil when it is absent. A longer one is an `EFBIG`.
    package func read(_ name: String, limit: Int) throws(FileError) -> [UInt8]? {
        do throws(FileError) {
            let bytes = try OpenFile(path(of: name), .read).bytes(limit + 1, at: 0)
            guard bytes.count <= limit else { throw FileError("read", path(of: name), code: EFBIG) }
            return bytes
        } catch {
            guard error.isAbsent else { throw error }
            return nil
        }
    }

    /// Bytes that processes without privileges may still take on this file system.
    package func availableBytes() throws(FileError) -> Int64 { try fileSystemBytes { $0.f_bavail } }

    /// Of its file system.
    package func totalBytes() throws(FileError) -> Int64 { try fileSystemBytes { $0.f_blocks } }

    private func fileSystemBytes(_ blocks: (statvfs) -> fsblkcnt_t) throws(FileError) -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw FileError("statvfs", path) }
        return Int64(clamping: UInt64(blocks(status)).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}
