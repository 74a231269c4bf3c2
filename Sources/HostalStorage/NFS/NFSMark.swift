import HostalModel
import HostalProvisioning

/// The file that tells a pool's export from any other: an export with nothing on it is never taken for an empty pool.
enum NFSMark {
    private static let file = ".hostal-pool"
    /// In bytes.
    private static let limit = 128

    static func verify(_ name: PoolName, on pool: NFSSession) throws {
        let found = try read(pool)
        guard found == name.text else {
            throw Failure(
                .temporary, .serviceError, "cannot reach the disk pool: its storage is not available",
                detail:
                    "the export of pool '\(name)' \(found.map { "is pool '\($0)'" } ?? "has no mark: see 'hostald init --pool'")")
        }
    }

    /// Marks the export. One that has this mark is left alone; another pool's is refused.
    static func write(_ name: PoolName, on pool: NFSSession) throws {
        if let found = try read(pool) {
            guard found == name.text else {
                throw Failure(
                    .needsOperator, .serviceError, "cannot set up the disk pool: its storage belongs to another pool",
                    detail: "the export is pool '\(found)', not '\(name)'")
            }
            return
        }
        try pool.makeDirectory(NFSImages.directory, mode: 0o755)
        try pool.write(Array("\(name)\n".utf8), to: file, mode: 0o644)
    }

    private static func read(_ pool: NFSSession) throws -> String? {
        try pool.read(file, limit: limit).map { String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self) }
    }
}

/// A pool whose storage carries a mark, which an operator puts there once.
package protocol MarkedPool: Sendable {
    /// Twice equals once. Throws `needsOperator` where the storage belongs to another pool.
    func mark() async throws
}
