import Glibc
import HostalProvisioning
import HostalSystem

/// What can be wrong with a build, as the engine and operators read it.
extension Failure {
    init(building recipe: ImageRecipe, _ error: any Error) {
        let what = "cannot build image '\(recipe.name)'"
        switch error {
        case let failure as Failure: self = failure
        case is CancellationError: self.init(.permanent, .cancelled, "\(what): cancelled")
        case let error as CommandError: self.init(.needsOperator, .serviceError, "\(what): \(error.reason)", cause: error)
        default: self.init(.needsOperator, .serviceError, "\(what): its files cannot be written", cause: error)
        }
    }
}

extension ImageRecipe {
    /// The programs that recipes run, each with the Debian package that has it.
    static let neededPrograms = [
        ("mmdebstrap", "mmdebstrap"), ("apt-get", "apt"), ("mke2fs", "e2fsprogs"), ("sfdisk", "fdisk"),
        ("mkfs.fat", "dosfstools"), ("mcopy", "mtools"), ("qemu-img", "qemu-utils"), ("cpio", "cpio"), ("zstd", "zstd"),
        ("unshare", "util-linux"), ("flock", "util-linux"), ("bash", "bash"),
    ]

    /// Throws a `needsOperator` that names the packages to install, or that root is needed, before anything is written.
    func checkMachine(path: String = "/usr/sbin:/usr/bin:/sbin:/bin") throws {
        guard geteuid() == 0 else {
            throw Failure(.needsOperator, .serviceError, "cannot build image '\(name)': only root can")
        }
        let directories = path.split(separator: ":")
        let missing = Self.neededPrograms.filter { program, _ in
            !directories.contains { access("\($0)/\(program)", X_OK) == 0 }
        }
        guard missing.isEmpty else {
            let packages = missing.map(\.1).joined(separator: " ")
            throw Failure(.needsOperator, .serviceError, "cannot build image '\(name)': install the packages \(packages)")
        }
    }
}
