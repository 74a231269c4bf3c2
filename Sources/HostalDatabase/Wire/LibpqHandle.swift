import CPostgres
import Glibc

/// One libpq connection. Nothing here waits: the connection's actor calls again when the reactor says that the socket is ready.
///
/// Must be used by one thread at a time. It is closed when the value ends.
struct LibpqHandle: ~Copyable {
    private let connection: OpaquePointer

    /// Begins to connect. Resolving a host name blocks, so this is `Dialer`'s to call. Nil only without memory.
    init?(connectingWith keywords: [(String, String)]) {
        let names = keywords.map { strdup($0.0) }
        let values = keywords.map { strdup($0.1) }
        defer { for text in names + values { free(text) } }
        let connection = PQconnectStartParams(
            names.map { UnsafePointer($0) } + [nil], values.map { UnsafePointer($0) } + [nil], /* expand dbname */ 1)
        guard let connection else { return nil }
        self.connection = connection
        // Without this libpq prints notices to standard error.
        _ = PQsetNoticeProcessor(connection, { _, _ in }, nil)
    }

    deinit { PQfinish(connection) }

    // MARK: State

    var socket: Int32 { PQsocket(connection) }
    var isBad: Bool { PQstatus(connection) == CONNECTION_BAD }
    var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }
    var isBusy: Bool { PQisBusy(connection) == 1 }

    /// What libpq says about its last failure, on one line.
    var errorMessage: String {
        let text = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
        return text.split(separator: "\n").joined(separator: "; ")
    }

    /// Whether bytes, or the end of the stream, have arrived that libpq has not seen.
    var hasUnread: Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0 || (errno != EAGAIN && errno != EINTR)
    }

    // MARK: Connecting

    enum ConnectStep { case read, write, connected, failed }

    /// The next step of connecting. The socket may be another one afterwards.
    func continueConnecting() -> ConnectStep {
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: return .read
        case PGRES_POLLING_WRITING: return .write
        case PGRES_POLLING_OK: return PQsetnonblocking(connection, 1) == 0 ? .connected : .failed
        default: return .failed
        }
    }

    // MARK: Sending

    /// False means that nothing was sent.
    func send(_ question: Question) -> Bool {
        switch question {
        case .script(let text):
            PQsendQuery(connection, text) == 1
        case .prepare(let name, let sql):
            PQsendPrepare(connection, name, sql.text, Int32(clamping: sql.parameters.types.count), sql.parameters.types) == 1
        case .execute(let name, let parameters):
            sendExecute(name, parameters)
        }
    }

    private func sendExecute(_ name: String, _ parameters: SQL.Parameters) -> Bool {
        let count = parameters.lengths.count
        return parameters.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: max(1, count)) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: max(1, count)) { formats in
                    var offset = 0
                    for (index, length) in parameters.lengths.enumerated() {
                        // An empty value is not NULL: it needs an address, though nothing is read from there.
                        let start = length < 0 ? nil : (bytes.baseAddress ?? UnsafeRawPointer(values.baseAddress))
                        let address = start?.advanced(by: bytes.baseAddress == nil ? 0 : offset)
                        values.initializeElement(at: index, to: address?.assumingMemoryBound(to: CChar.self))
                        formats.initializeElement(at: index, to: 1)
                        offset += Int(max(0, length))
                    }
                    return PQsendQueryPrepared(
                        connection, name, Int32(clamping: count), values.baseAddress, parameters.lengths, formats.baseAddress, 1)
                        == 1
                }
            }
        }
    }

    enum Flushed { case done, more, failed }

    func flush() -> Flushed {
        switch PQflush(connection) {
        case 0: .done
        case 1: .more
        default: .failed
        }
    }

    // MARK: Receiving

    /// False when the connection is lost.
    func consumeInput() -> Bool { PQconsumeInput(connection) == 1 }

    /// The next result that has arrived in full; nil at the statement's end. Only while not `isBusy`. `columns` are used if the statement
    /// is known to have them.
    func nextResult(columns: [Rows.Column]?) -> Result<Rows, PostgresError>? {
        guard let result = PQgetResult(connection) else { return nil }
        defer { PQclear(result) }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return .success(Rows(result, columns: columns))
        case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
            return .failure(PostgresError("0A000", "COPY is not supported by this client"))
        default: return .failure(PostgresError(result, fallback: isBad ? "08006" : "XX000"))
        }
    }

    /// A notification that has arrived: its payload.
    func nextNotification() -> String? {
        guard let notification = PQnotifies(connection) else { return nil }
        defer { PQfreemem(notification) }
        return notification.pointee.extra.map { String(cString: $0) } ?? ""
    }
}

extension Rows {
    /// Copies everything out of libpq's result.
    fileprivate init(_ result: OpaquePointer, columns known: [Column]?) {
        let width = PQnfields(result)
        let height = PQntuples(result)
        let columns =
            known
            ?? (0..<width).map { column in
                Column(name: PQfname(result, column).map { String(cString: $0) } ?? "", type: PQftype(result, column))
            }
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(Int(width) * Int(height))
        for row in 0..<height {
            for column in 0..<width {
                if PQgetisnull(result, row, column) == 1 {
                    ends.append(~bytes.count)
                } else {
                    let length = Int(PQgetlength(result, row, column))
                    bytes += UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: length)
                    ends.append(bytes.count)
                }
            }
        }
        self.init(
            columns: columns, bytes: bytes, ends: ends, count: Int(height),
            affected: PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0,
            tag: PQcmdStatus(result).map { String(cString: $0) } ?? "")
    }
}

extension PostgresError {
    fileprivate init(_ result: OpaquePointer, fallback: String) {
        func field(_ letter: Character) -> String? {
            letter.asciiValue.flatMap { PQresultErrorField(result, Int32($0)) }.map { String(cString: $0) }
        }
        let text = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
        self.init(field("C") ?? fallback, field("M") ?? text.split(separator: "\n").joined(separator: "; "))
        detail = field("D")
        hint = field("H")
        schema = field("s")
        table = field("t")
        column = field("c")
        constraint = field("n")
        position = field("P").flatMap { Int($0) }
    }
}
