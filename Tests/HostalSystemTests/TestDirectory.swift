import FoundationEssentials
import Glibc
import HostalSystem

/// A directory of a test's own, gone when the test is.
final class TestDirectory: Sendable {
    let directory: Directory

    init() throws {
        let path = "/tmp/hostal-system-\(UUID().uuidString.lowercased())"
        guard mkdir(path, 0o755) == 0, let directory = Directory(path) else { throw FileError("mkdir", path) }
        self.directory = directory
    }

    deinit { try? FileManager.default.removeItem(atPath: directory.path) }
}
