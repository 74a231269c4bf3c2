import FoundationEssentials
import Glibc
import HostalModel
import HostalSystem

/// A directory of a test's own, gone when the test is.
final class TestDirectory: Sendable {
    let directory: Directory
    var path: String { directory.path }

    init(in parent: String = "/tmp") throws {
        let path = "\(parent)/hostal-storage-\(UUID().uuidString.lowercased())"
        guard mkdir(path, 0o755) == 0, let directory = Directory(path) else { throw FileError("mkdir", path) }
        self.directory = directory
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func subdirectory(_ name: String) throws -> Directory {
        let path = directory.path(of: name)
        guard mkdir(path, 0o755) == 0, let made = Directory(path) else { throw FileError("mkdir", path) }
        return made
    }

    @discardableResult
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = directory.path(of: name)
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }
}

func mode(of path: String) -> UInt32 {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

func sha256(_ bytes: [UInt8]) -> String {
    var digest = Digesting(.sha256)
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.hexadecimal()
}

extension Volume {
    /// Of a file; a test that asks for another's fails.
    var path: String { source.file ?? "not a file" }
}

/// Whether the text stands anywhere in a file of any size.
func file(_ path: String, contains text: String) async throws -> Bool {
    do {
        _ = try await Command("grep", ["-qaF", "-e", text, path]).run()
        return true
    } catch let error as CommandError where error.exitCode == 1 {
        return false
    }
}

/// Whether a copy to this path is being written, or was when its worker died.
func exportHasBegun(_ path: String) -> Bool {
    let place = URL(filePath: path)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place.deletingLastPathComponent().path())) ?? []
    return names.contains { $0.hasPrefix("\(place.lastPathComponent).part-") }
}
