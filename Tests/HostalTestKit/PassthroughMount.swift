import Glibc
import HostalSystem

/// A directory that is mounted elsewhere through a file server of a test's own, which can be made silent. Needs root and FUSE.
package actor PassthroughMount {
    /// What is served, as its own disk has it.
    package nonisolated let directory: String
    package nonisolated let mountPoint: String
    private let process: ChildProcess

    private static let script =
        #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/Fixtures/passthrough.py"
    private static let upLimit = Duration.seconds(20)

    /// Both exist and are empty.
    package static func up(_ directory: String, at mountPoint: String) async throws -> PassthroughMount {
        // Debian's python: another that comes first on the path does not have its modules.
        let process = try await ChildProcess.start(
            "/usr/bin/python3", [script, directory, mountPoint], output: "\(directory).log")
        let mount = PassthroughMount(directory: directory, mountPoint: mountPoint, process: process)
        do {
            try await waitUntil("\(mountPoint) is mounted: see \(directory).log", within: upLimit) {
                var (here, above) = (stat(), stat())
                return stat(mountPoint, &here) == 0 && stat("\(mountPoint)/..", &above) == 0 && here.st_dev != above.st_dev
            }
        } catch {
            await mount.down()
            throw error
        }
        return mount
    }

    private init(directory: String, mountPoint: String, process: ChildProcess) {
        self.directory = directory
        self.mountPoint = mountPoint
        self.process = process
    }

    package nonisolated func setSilent(_ isSilent: Bool) { process.send(isSilent ? SIGSTOP : SIGCONT) }

    /// Calls that wait for an answer get an error.
    package func down() async {
        await process.kill9()
        _ = try? await Command("umount", ["--lazy", mountPoint]).run()
    }
}
