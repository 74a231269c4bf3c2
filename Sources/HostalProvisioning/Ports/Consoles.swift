package import HostalModel

/// Where a guest's host is to be asked.
package struct ConsoleHost: Hashable, Sendable {
    package var name: String
    /// libvirt's address of it, as seen from elsewhere; nil when nobody has said.
    package var libvirtURI: String?

    package init(name: String, libvirtURI: String?) {
        self.name = name
        self.libvirtURI = libvirtURI
    }
}

/// Guests' serial lines, wherever their hosts are. Safe to call from many tasks at once.
package protocol Consoles: Sendable {
    /// Opens a guest's line. One program in the whole installation has it at a time: `force` ends another's. Throws a `ConsoleFailure`.
    func open(_ guest: GuestID, of server: ServerID, on host: ConsoleHost, force: Bool) async throws -> any SerialLine
}

/// A serial line that is open. It closes by itself when its guest loses power, its host goes away or another program takes it over.
package protocol SerialLine: Sendable {
    /// What the guest has sent since the last call, once there is something; nil when the line is closed and all of it was read, and when
    /// the caller is cancelled. For one reader.
    func read() async -> [UInt8]?
    /// Nobody read for so long that the line had to be closed: what came after is lost.
    var isOverrun: Bool { get }
    /// Types. Returns when the bytes are on their way, which is not when the guest has read them. Throws a `ConsoleFailure`.
    func write(_ bytes: [UInt8]) async throws
    /// Closing a line that is closed does nothing.
    func close() async
}

/// Why a serial line cannot be had.
package enum ConsoleFailure: Error, Hashable, Sendable {
    /// Nobody has said where the guest's host is reached.
    case noAddress
    /// The guest has no power.
    case off
    /// Another program has it.
    case inUse
    /// It was open and is no more.
    case closed
    /// For operators.
    case unreachable(String)
}
