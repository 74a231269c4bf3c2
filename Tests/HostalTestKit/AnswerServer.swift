import Glibc
import HostalSystem
import Synchronization

/// A small HTTP server on 127.0.0.1 that answers as a test tells it, and remembers what it was asked. One request after the other.
package final class AnswerServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// Without the query.
        package var path: String
        package var query: String
        /// Names in lower case.
        package var headers: [String: String]
        package var body: String
    }

    package struct Answer: Sendable {
        package var status: Int
        package var body: String
        package var headers: [String: String]
        /// Closes the connection without a word.
        package var hangsUp = false

        package init(_ status: Int = 200, _ body: String, headers: [String: String] = [:]) {
            self.status = status
            self.body = body
            self.headers = headers
        }

        package static var nothing: Answer {
            var answer = Answer(0, "")
            answer.hangsUp = true
            return answer
        }
    }

    package typealias Handler = @Sendable (Request) -> Answer

    package let port: Int
    private let listener: Int32
    private let handler: Handler
    private let seen = Mutex<[Request]>([])

    package var requests: [Request] { seen.withLock { $0 } }
    package var address: String { "http://127.0.0.1:\(port)" }

    /// The most that a request may have, in bytes.
    private static let requestLimit = 1 << 20

    package init(_ handler: @escaping Handler) throws {
        self.handler = handler
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let (listener, size) = (listener, length)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, address, &length) == 0
            }
        }
        guard isBound else { throw FileError("bind", "127.0.0.1") }
        port = Int(UInt16(bigEndian: address.sin_port))
        DetachedThread.start("answer-server") { self.serve() }
    }

    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { break }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            if let request = read(connection) {
                seen.withLock { $0.append(request) }
                let answer = handler(request)
                if !answer.hangsUp { write(answer, connection) }
            }
            shutdown(connection, Int32(SHUT_RDWR))
            close(connection)
        }
        close(listener)
    }

    private func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 16_384)
        var head: [UInt8]?
        var length = 0
        while head == nil || bytes.count < (head?.count ?? 0) + 4 + length {
            let got = recv(connection, &piece, piece.count, 0)
            guard got > 0, bytes.count < Self.requestLimit else { return nil }
            bytes += piece[..<got]
            if head == nil, let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                head = Array(bytes[..<end.lowerBound])
                length = Self.headers(of: head ?? [])["content-length"].flatMap { Int($0) } ?? 0
            }
        }
        let first = String(decoding: head ?? [], as: UTF8.self).split(separator: "\r\n").first ?? ""
        let words = first.split(separator: " ")
        guard words.count == 3 else { return nil }
        let target = words[1].split(separator: "?", maxSplits: 1)
        return Request(
            method: String(words[0]), path: String(target[0]), query: target.count == 2 ? String(target[1]) : "",
            headers: Self.headers(of: head ?? []), body: String(decoding: bytes.dropFirst((head?.count ?? 0) + 4), as: UTF8.self))
    }

    private static func headers(of head: [UInt8]) -> [String: String] {
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n").dropFirst()
        let pairs = lines.map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (line[..<colon].lowercased(), String(line[colon...].dropFirst(2)))
        }
        return Dictionary(pairs) { $1 }
    }

    private func write(_ answer: Answer, _ connection: Int32) {
        var head = "HTTP/1.1 \(answer.status) Status\r\nContent-Length: \(answer.body.utf8.count)\r\nConnection: close\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        let bytes = Array((head + "\r\n" + answer.body).utf8)
        var done = 0
        while done < bytes.count {
            let put = bytes[done...].withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard put > 0 else { return }
            done += put
        }
    }
}
