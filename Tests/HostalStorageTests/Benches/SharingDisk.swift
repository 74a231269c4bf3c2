import FoundationEssentials
import Glibc
import HostalSystem

/// XFS on a file of its own: a file system whose files can share blocks. Big enough for one disk of 2 GiB that is written all over.
final class SharingDisk: Sendable {
    private let root: TestDirectory
    let path: String

    init() async throws {
        root = try TestDirectory()
        path = try root.subdirectory("mount").path
        let file = try root.file("disk", [])
        truncate(file, 5 << 30)
        _ = try await Command("mkfs.xfs", ["-q", "-m", "reflink=1", file]).run()
        _ = try await Command("mount", ["-o", "loop", file, path]).run()
    }

    func end() async { _ = try? await Command("umount", [path]).run() }

    deinit { umount2(path, Int32(MNT_DETACH)) }
}
