import FoundationEssentials
import Glibc
package import HostalModel
import HostalProvisioning
import HostalSystem

/// An image that a recipe has made. Its digest is for the caller to compute when it imports the file.
package struct BuiltImage: Hashable, Sendable {
    package var path: String
    package var format: DiskFormat
    /// What the guest sees, in bytes.
    package var virtualSize: Int64
    /// The size of the file, in bytes.
    package var bytes: Int64
}

/// Builds images from Debian's packages, through whatever mirror the machine's apt is configured with. Needs root.
///
/// Below `cacheDirectory` each recipe has a directory with the packages of its last build and, while it runs, its scratch: about 3 GiB.
package struct ImageBuilder: Sendable {
    package var cacheDirectory: String

    /// A build that takes longer is killed. With a cold cache and a slow mirror ten minutes are usual.
    package static let timeLimit = Duration.seconds(45 * 60)
    /// How long a dead build's processes may take to disappear.
    package static let removalLimit = Duration.seconds(30)
    private static let removalPause = Duration.milliseconds(50)
    /// What `flock` exits with when another build holds the recipe's lock.
    private static let lockedExitCode: Int32 = 75
    /// What recipes put before the lines that operators see.
    private static let stepMark = "==> "

    package init(cacheDirectory: String) {
        self.cacheDirectory = cacheDirectory
    }

    /// Makes the image and puts it at `path` by renaming, so that what was there before stays until the new one is whole. `progress` is
    /// called with a short sentence as each part begins.
    ///
    /// Throws a `Failure`. Whether the build succeeds, fails or is cancelled, no process and no scratch of it is left; what a killed
    /// Hostal leaves is removed by the recipe's next build. A second build of the same recipe at the same time is refused.
    @discardableResult @concurrent
    package func build(
        _ recipe: ImageRecipe, into path: String, progress: @escaping @Sendable (String) -> Void
    ) async throws -> BuiltImage {
        let home = "\(cacheDirectory)/\(recipe.name)"
        let scratch = "\(home)/scratch-\(UUID().uuidString)"
        let output = "\(path).part-\(UUID().uuidString)"
        let outcome: Result<Int64, any Error>
        do {
            try recipe.checkMachine()
            try prepare(scratch, recipe)
            try await run(recipe, home: home, scratch: scratch, output: output, progress: progress)
            outcome = .success(try put(output, at: path))
        } catch {
            outcome = .failure(error)
        }
        do {
            try await removeAll([scratch, output])
            return BuiltImage(path: path, format: .qcow2, virtualSize: recipe.disk.bytes, bytes: try outcome.get())
        } catch {
            throw Failure(building: recipe, error)
        }
    }

    private func prepare(_ scratch: String, _ recipe: ImageRecipe) throws {
        let onlyRoot: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true, attributes: onlyRoot)
        try Data(ImageRecipe.sharedScript).write(to: URL(filePath: "\(scratch)/common.sh"))
        try Data(recipe.script).write(to: URL(filePath: "\(scratch)/recipe.sh"))
    }

    /// The recipe gets process and mount namespaces of its own: when it ends, however it ends, so does everything that it started, and
    /// no mount can outlive it under the scratch that is removed then. All of them hold the lock.
    private func run(
        _ recipe: ImageRecipe, home: String, scratch: String, output: String, progress: @escaping @Sendable (String) -> Void
    ) async throws {
        let alone = ["--no-fork", "--nonblock", "--conflict-exit-code", "\(Self.lockedExitCode)", "\(home)/lock"]
        let enclosed = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        let script = ["bash", "\(scratch)/recipe.sh", recipe.suite, "\(recipe.disk.count)", output, "\(home)/packages", scratch]
        do {
            try await StreamingCommand("flock", alone + enclosed + script, timeout: Self.timeLimit).run { line in
                if line.hasPrefix(Self.stepMark) { progress(String(line.dropFirst(Self.stepMark.count))) }
            }
        } catch let error as CommandError where error.exitCode == Self.lockedExitCode {
            throw Failure(.temporary, .serviceError, "cannot build image '\(recipe.name)': another build of it is running")
        }
    }

    /// Returns the size of the file in bytes.
    private func put(_ file: String, at path: String) throws -> Int64 {
        var status = stat()
        guard stat(file, &status) == 0, rename(file, path) == 0 else {
            let reason = String(cString: strerror(errno))
            throw Failure(.needsOperator, .serviceError, "cannot write the image file: \(reason)", detail: path)
        }
        return Int64(status.st_size)
    }

    /// Absent is success. Not stopped by cancellation: that is when it is needed.
    private func removeAll(_ paths: [String]) async throws {
        try await Task {
            for path in paths { try await remove(path) }
        }.value
    }

    /// Tries again for a while: the kernel may still be ending a killed build's processes, which may still make files.
    private func remove(_ path: String) async throws {
        let clock = ContinuousClock()
        let deadline = clock.now + Self.removalLimit
        while access(path, F_OK) == 0 {
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                guard clock.now < deadline else { throw error }
                try await Task.sleep(for: Self.removalPause)
            }
        }
    }
}
