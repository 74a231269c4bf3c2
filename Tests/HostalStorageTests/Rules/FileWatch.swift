import Glibc
import HostalSystem

/// Tells whether anybody at all has opened a file since.
final class FileWatch {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = inotify_init1(Int32(IN_NONBLOCK))
        guard inotify_add_watch(descriptor, path, UInt32(IN_OPEN)) >= 0 else { throw FileError("watch", path) }
    }

    deinit { close(descriptor) }

    /// Forgets what it tells.
    func wasOpened() -> Bool {
        var events = [UInt8](repeating: 0, count: 4096)
        return read(descriptor, &events, events.count) > 0
    }
}
