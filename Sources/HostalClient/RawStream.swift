import CCurl
import Glibc

/// An answer of unknown length that is read while it comes, and another descriptor that is waited for meanwhile: all on one thread.
package final class RawStream {
    package enum Happening {
        /// The other descriptor can be read from, or has ended.
        case readable
        /// The answer is over. `reason` is the trailer that was asked for, if it came.
        case ended(reason: String?)
    }

    private let multi: UnsafeMutableRawPointer
    private let curl: UnsafeMutableRawPointer
    private let list: UnsafeMutablePointer<curl_slist>?
    private let arrival: StreamArrival
    private let address: String
    private let trailer: String

    /// Nil when libcurl cannot start, for want of memory. `sink` gets the bytes; false from it ends the stream.
    init?(
        _ url: String, headers: [String], connect: Duration, authorities: String?, trailer: String,
        sink: @escaping ([UInt8]) -> Bool
    ) {
        guard Transport.libraryReady, let multi = curl_multi_init() else { return nil }
        guard let curl = curl_easy_init() else {
            curl_multi_cleanup(multi)
            return nil
        }
        self.multi = multi
        self.curl = curl
        self.trailer = trailer.lowercased()
        address = url
        arrival = StreamArrival(sink)
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { list = curl_slist_append(list, header) }
        self.list = list
        _ = hostal_curl_set_text(curl, CURLOPT_URL, url)
        _ = hostal_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https")
        Transport.trust(authorities, curl)
        _ = hostal_curl_set_list(curl, CURLOPT_HTTPHEADER, list)
        _ = hostal_curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        _ = hostal_curl_set_long(curl, CURLOPT_CONNECTTIMEOUT_MS, connect.milliseconds)
        // Nobody speaks for minutes: the system asks whether the other side is still there.
        _ = hostal_curl_set_long(curl, CURLOPT_TCP_KEEPALIVE, 1)
        let context = Unmanaged.passUnretained(arrival).toOpaque()
        _ = hostal_curl_set_pointer(curl, CURLOPT_WRITEDATA, context)
        _ = hostal_curl_set_pointer(curl, CURLOPT_HEADERDATA, context)
        _ = hostal_curl_set_data_function(curl, CURLOPT_WRITEFUNCTION, streamBody)
        _ = hostal_curl_set_data_function(curl, CURLOPT_HEADERFUNCTION, streamHeader)
        curl_multi_add_handle(multi, curl)
    }

    deinit {
        curl_multi_remove_handle(multi, curl)
        curl_easy_cleanup(curl)
        curl_multi_cleanup(multi)
        curl_slist_free_all(list)
    }

    /// Blocks until something happens. A negative descriptor is not waited for. Throws an `APIFailure` when there is no answer, or a refusal.
    package func wait(for descriptor: Int32) throws(APIFailure) -> Happening {
        while true {
            var running: Int32 = 0
            guard curl_multi_perform(multi, &running) == CURLM_OK else { throw unreachable("libcurl cannot go on") }
            if running == 0 { return .ended(reason: try ending()) }
            var other = curl_waitfd(fd: descriptor, events: Int16(CURL_WAIT_POLLIN), revents: 0)
            var happened: Int32 = 0
            guard curl_multi_poll(multi, &other, descriptor < 0 ? 0 : 1, Self.pollLimit, &happened) == CURLM_OK else {
                throw unreachable("libcurl cannot wait")
            }
            if other.revents != 0 { return .readable }
        }
    }

    /// Milliseconds; libcurl wakes earlier for whatever comes.
    private static let pollLimit: Int32 = 10_000

    private func ending() throws(APIFailure) -> String? {
        var left: Int32 = 0
        guard let message = curl_multi_info_read(multi, &left) else { throw unreachable("libcurl does not say how it ended") }
        let code = message.pointee.data.result
        guard code == CURLE_OK || arrival.isRefusedBySink else { throw unreachable(String(cString: curl_easy_strerror(code))) }
        let status = Int(hostal_curl_response_code(curl))
        guard status == 200 || arrival.isRefusedBySink else {
            if let body = try? JSON(parsing: arrival.refusal),
                let refusal = APIFailure.Refusal(status: status, body: body, correlationID: arrival.headers["x-correlation-id"])
            {
                throw .refused(refusal)
            }
            throw .unreadable(address: address, status: status, reason: "the answer has no error in it")
        }
        return arrival.headers[trailer]
    }

    private func unreachable(_ reason: String) -> APIFailure {
        .unreachable(address: address, reason: reason, mayHaveArrived: false)
    }
}

/// What arrives, on the thread that waits.
private final class StreamArrival {
    /// Of an answer that is a refusal, in bytes.
    static let refusalLimit = 65_536

    let sink: ([UInt8]) -> Bool
    var status = 0
    var headers: [String: String] = [:]
    var refusal: [UInt8] = []
    var isRefusedBySink = false

    init(_ sink: @escaping ([UInt8]) -> Bool) { self.sink = sink }

    func take(_ bytes: [UInt8]) -> Bool {
        if status == 200 {
            isRefusedBySink = !sink(bytes)
            return !isRefusedBySink
        }
        refusal += bytes
        return refusal.count <= Self.refusalLimit
    }

    func takeHeader(_ line: String) {
        if line.hasPrefix("HTTP/"), let code = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) { status = code }
        guard let colon = line.firstIndex(of: ":") else { return }
        headers[line[..<colon].lowercased()] = String(
            line[line.index(after: colon)...].drop { $0 == " " }.prefix { !$0.isNewline })
    }
}

private func streamBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let piece = Array(UnsafeRawBufferPointer(start: bytes, count: size * count))
    return Unmanaged<StreamArrival>.fromOpaque(context).takeUnretainedValue().take(piece) ? size * count : 0
}

private func streamHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
    Unmanaged<StreamArrival>.fromOpaque(context).takeUnretainedValue().takeHeader(line)
    return size * count
}
