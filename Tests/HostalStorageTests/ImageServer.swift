import Glibc
import HostalSystem
import Synchronization

/// A small HTTP server on 127.0.0.1 for one file, with the faults that real mirrors have. Answers one request after the other on its own thread.
final class ImageServer: Sendable {
    struct Behaviour: Sendable {
        var body: [UInt8] = []
        var entityTag: String? = "\"one\""
        var ranges = true
        /// Closes the connection after this many bytes of the body.
        var cutAfter: Int?
        var status: Int?
        var redirect: String?
        var sendsLength = true
        /// Waits, after half of the body, until the test calls `letGo`.
        var holdsHalfWay = false
    }
    struct Request: Sendable {
        var line: String
        var headers: [String: String]
    }

    let port: Int
    private let listener: Int32
    private let state: Mutex<(behaviour: Behaviour, requests: [Request], isFree: Bool)>
    var url: String { "http://127.0.0.1:\(port)/image" }
    var requests: [Request] { state.withLock { $0.requests } }
    /// How long a held answer waits at most.
    private static let holdLimit = Duration.seconds(120)

    init(_ behaviour: Behaviour) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, size) = (listener, length)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw FileError("bind", "127.0.0.1") }
        port = Int(UInt16(bigEndian: address.sin_port))
        state = Mutex((behaviour, [], false))
        var thread = pthread_t()
        let box = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { box in
                if let box { Unmanaged<ImageServer>.fromOpaque(box).takeRetainedValue().serve() }
                return nil
            }, box)
        pthread_detach(thread)
    }

    func behave(_ change: (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }
    func letGo() { state.withLock { $0.isFree = true } }
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { break }
            answer(connection)
            shutdown(connection, Int32(SHUT_RDWR))
            close(connection)
        }
        close(listener)
    }

    private func answer(_ connection: Int32) {
        guard let request = readRequest(connection) else { return }
        let behaviour = state.withLock { state in
            state.requests.append(request)
            return state.behaviour
        }
        if let target = behaviour.redirect {
            return send("HTTP/1.1 302 Found\r\nLocation: \(target)\r\nContent-Length: 0\r\n\r\n", connection)
        }
        if let status = behaviour.status { return send("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno", connection) }
        let tag = behaviour.entityTag.map { "ETag: \($0)\r\n" } ?? ""
        let asked = request.headers["range"].flatMap { $0.split(separator: "=").last?.split(separator: "-").first }.flatMap {
            Int($0)
        }
        var start = 0
        var head = "HTTP/1.1 200 OK\r\n\(tag)"
        if let asked, behaviour.ranges, request.headers["if-range"] == behaviour.entityTag {
            guard asked < behaviour.body.count else {
                return send("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n", connection)
            }
            start = asked
            let total = behaviour.body.count
            head = "HTTP/1.1 206 Partial Content\r\n\(tag)Content-Range: bytes \(start)-\(total - 1)/\(total)\r\n"
        }
        if behaviour.sendsLength { head += "Content-Length: \(behaviour.body.count - start)\r\n" }
        send("\(head)Connection: close\r\n\r\n", connection)
        let end = min(behaviour.body.count, behaviour.cutAfter.map { start + $0 } ?? .max)
        let half = behaviour.holdsHalfWay ? start + (end - start) / 2 : start
        send(behaviour.body[start..<half], connection)
        if behaviour.holdsHalfWay { waitUntilFree() }
        send(behaviour.body[half..<end], connection)
    }

    private func waitUntilFree() {
        let end = ContinuousClock.now + Self.holdLimit
        while !state.withLock({ $0.isFree }), ContinuousClock.now < end { usleep(1_000) }
    }

    private func readRequest(_ connection: Int32) -> Request? {
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: text, as: UTF8.self).contains("\r\n\r\n") {
            let got = read(connection, &piece, piece.count)
            guard got > 0, text.count < 65536 else { return nil }
            text += piece[..<got]
        }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\r\n")
        let headers = lines.dropFirst().map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (line[..<colon].lowercased(), String(line[colon...].dropFirst(2)))
        }
        return Request(line: String(lines.first ?? ""), headers: Dictionary(headers) { $1 })
    }

    private func send(_ text: String, _ connection: Int32) { send(Array(text.utf8)[...], connection) }

    private func send(_ bytes: ArraySlice<UInt8>, _ connection: Int32) {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let put = Glibc.send(connection, buffer.baseAddress?.advanced(by: done), buffer.count - done, Int32(MSG_NOSIGNAL))
                guard put > 0 else { return }
                done += put
            }
        }
    }
}
