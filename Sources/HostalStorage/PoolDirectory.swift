import Glibc
import HostalProvisioning
package import HostalSystem

/// A directory that holds a pool's disks, told apart from an unmounted path by a marker file with the pool's id.
package struct PoolDirectory: Sendable {
    package let directory: Directory
    /// Chosen by the operator, at most 64 characters; the same on every host that mounts the pool.
    package let id: String

    private static let marker = ".hostal-pool"
    private static let markerLimit = 128

    package init(_ directory: Directory, id: String) {
        self.directory = directory
        self.id = id
    }

    /// Makes the directory (mode 0711: QEMU passes through it, and lists nothing) and marks it. A directory with this id is left alone.
    /// Throws `needsOperator` when it belongs to another pool. Call it once for each pool, never at start-up: it would mark a mount point.
    package func initialise() throws {
        do {
            if mkdir(directory.path, 0o711) != 0 && errno != EEXIST { throw FileError("mkdir", directory.path) }
            if let found = try markedID() {
                guard found == id else {
                    throw Failure(
                        .needsOperator, .serviceError, "cannot set up the disk pool: its storage belongs to another pool",
                        detail: "\(directory.path) is pool '\(found)', not '\(id)'")
                }
                return
            }
            guard chmod(directory.path, 0o711) == 0 else { throw FileError("chmod", directory.path) }
            try directory.write(Array("\(id)\n".utf8), as: Self.marker)
            try directory.sync()
        } catch {
            throw Failure(storage: error, cannot: "set up the disk pool")
        }
    }

    /// Throws a temporary failure unless the pool is really there: an unmounted path is an error, never an empty pool.
    package func verify() throws {
        let found: String?
        do {
            found = try markedID()
        } catch {
            throw Failure(.temporary, .serviceError, Self.unreachable, cause: error)
        }
        guard found == id else {
            let what = found.map { "is pool '\($0)'" } ?? "has no marker; is the pool mounted?"
            throw Failure(.temporary, .serviceError, Self.unreachable, detail: "\(directory.path) \(what); expected pool '\(id)'")
        }
    }

    private static let unreachable = "cannot reach the disk pool: its storage is not available"

    private func markedID() throws(FileError) -> String? {
        guard let bytes = try directory.read(Self.marker, limit: Self.markerLimit) else { return nil }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
