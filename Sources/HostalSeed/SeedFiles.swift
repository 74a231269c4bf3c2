import Glibc

/// The few file calls that a seed needs. Each throws `SeedFileError` with the call, the path and the kernel's code.
enum SeedFiles {
    static let mode: mode_t = 0o600
    static let directoryMode: mode_t = 0o711

    /// An existing directory is success, whatever its mode.
    static func makeDirectory(_ path: String) throws {
        guard mkdir(path, directoryMode) != 0, errno != EEXIST else { return }
        throw SeedFileError("mkdir", path)
    }

    /// Whether the file is a regular one that nobody else may read and that holds exactly these bytes. An absent file is not.
    static func holds(_ bytes: [UInt8], at path: String) throws -> Bool {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else {
            // A symbolic link is not ours: the rename replaces it.
            if errno == ENOENT || errno == ELOOP { return false }
            throw SeedFileError("open", path)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw SeedFileError("fstat", path) }
        guard status.st_mode == S_IFREG | mode, Int(status.st_size) == bytes.count else { return false }
        var held = [UInt8](repeating: 0, count: bytes.count)
        var offset = 0
        while offset < held.count {
            let got = held.withUnsafeMutableBytes { read(file, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw SeedFileError("read", path) }
            if got == 0 { return false }
            offset += got
        }
        return held == bytes
    }

    /// Makes a file that was not there, and waits until its bytes are on the disk.
    static func create(_ path: String, _ bytes: [UInt8]) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw SeedFileError("open", path) }
        defer { close(file) }
        var offset = 0
        while offset < bytes.count {
            let put = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { throw SeedFileError("write", path) }
            offset += put
        }
        guard fsync(file) == 0 else { throw SeedFileError("fsync", path) }
    }

    static func rename(_ old: String, to new: String) throws {
        guard Glibc.rename(old, new) == 0 else { throw SeedFileError("rename", old) }
    }

    /// An absent file is success.
    static func remove(_ path: String) throws {
        guard unlink(path) != 0, errno != ENOENT else { return }
        throw SeedFileError("unlink", path)
    }

    static func sync(directory path: String) throws {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw SeedFileError("open", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw SeedFileError("fsync", path) }
    }

    /// The names in a directory; none when it is absent, as before the first write.
    static func list(_ path: String) throws -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT { return [] }
            throw SeedFileError("opendir", path)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw SeedFileError("readdir", path) }
                return names
            }
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
                })
        }
    }
}
