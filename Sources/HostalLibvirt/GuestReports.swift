import FoundationEssentials
import Glibc
import HostalModel

/// The files that guests' report channels are written to. virtlogd writes them, bounds them and moves a full one aside as `.log.0`.
///
/// A guest can write anything here: what is read is bounded in every direction, and nothing of it is trusted.
struct GuestReports {
    var directory: String

    /// Bytes that are read, from the end.
    static let readLimit = 64 << 10
    /// Bytes of one report.
    static let lineLimit = 16 << 10
    static let errorLimit = 20
    /// Characters.
    static let errorLength = 500
    static let hostKeyLimit = 8
    static let hostKeyLength = 1_000
    static let wordLength = 100

    /// The newest report with this instance id. Throws `POSIXError` when a file is there and cannot be read.
    func newest(of guest: GuestID, instanceID: String) throws -> GuestReport? {
        var bytes = try Self.tail(of: path(guest), limit: Self.readLimit)
        // The file is moved aside in the middle of a line: the older one's end belongs before the newer one's start.
        bytes.insert(contentsOf: try Self.tail(of: path(guest) + ".0", limit: Self.readLimit - bytes.count), at: 0)
        return bytes.split(separator: UInt8(ascii: "\n")).reversed().lazy
            .compactMap(Self.report).first { $0.instanceID == instanceID }
    }

    /// Reports and what virtlogd has moved aside. A directory that is absent holds none.
    func files(of guest: GuestID) throws -> [String] {
        let prefix = "\(guest).log"
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasPrefix(prefix) }
                .sorted().map { "\(directory)/\($0)" }
        } catch let error as CocoaError where error.code == .fileReadNoSuchFile {
            return []
        }
    }

    func remove(of guest: GuestID) throws {
        for file in try files(of: guest) where unlink(file) != 0 && errno != ENOENT { throw POSIXError.last }
    }

    func makeDirectory() throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    private func path(_ guest: GuestID) -> String { "\(directory)/\(guest).log" }

    private static func tail(of path: String, limit: Int) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            guard errno == ENOENT else { throw POSIXError.last }
            return []
        }
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        guard size >= 0 else { throw POSIXError.last }
        let start = max(0, size - off_t(limit))
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(size - start)) { buffer, count in
            let got = pread(file, buffer.baseAddress, buffer.count, start)
            failed = got < 0
            count = max(got, 0)
        }
        guard !failed else { throw POSIXError.last }
        return bytes
    }

    /// Nil for a line that is too long or no report.
    private static func report(_ line: ArraySlice<UInt8>) -> GuestReport? {
        guard line.count <= lineLimit, var report = try? JSONDecoder().decode(GuestReport.self, from: Data(line)),
            [report.instanceID, report.bootID, report.status].allSatisfy({ $0.count <= wordLength && isPlain($0) })
        else { return nil }
        report.errors = report.errors.prefix(errorLimit).map { plain($0.prefix(errorLength)) }
        // Half a key is no key: one that is too long is left out.
        report.hostKeys = Array(report.hostKeys.filter { $0.count <= hostKeyLength && isPlain($0) }.prefix(hostKeyLimit))
        return report
    }

    /// Control characters could steer the terminal of whoever reads it.
    private static func isPlain(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    private static func plain(_ text: Substring) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}

extension POSIXError {
    static var last: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
