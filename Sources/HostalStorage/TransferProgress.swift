/// How far a copy or a download has come.
package struct TransferProgress: Sendable, Hashable {
    package var bytesDone: Int64
    /// Nil when the server does not say how long its answer is.
    package var bytesTotal: Int64?

    package init(bytesDone: Int64, bytesTotal: Int64?) {
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }

    /// `the copy of the disk, 45 % done`, or how many bytes where nobody knows of how many.
    package func words(for what: String) -> String {
        guard let bytesTotal, bytesTotal > 0 else { return "\(what), \(bytesDone.inBinaryUnits) done" }
        return "\(what), \(min(100, Int(Double(bytesDone) / Double(bytesTotal) * 100))) % done"
    }

    /// Called on the thread that carries the bytes, for each piece that arrives: brief, and never blocking.
    package typealias Observer = @Sendable (TransferProgress) -> Void
}

/// What a transfer may take, and how patient it is.
package struct TransferLimits: Sendable {
    /// The largest file that is accepted, in bytes.
    package var fileSize: Int64 = 64 << 30
    /// From the first packet until the server accepts the connection, its TLS included.
    package var connect: Duration = .seconds(10)
    /// How long fewer than `slowestRate` bytes may arrive in a second; whole seconds, at least 1.
    package var stall: Duration = .seconds(30)
    /// Left free on the file system, in bytes.
    package var headroom: Int64 = 1 << 30
    package init() {}

    /// Bytes per second.
    static let slowestRate = 1024
    static let redirects = 5
}
