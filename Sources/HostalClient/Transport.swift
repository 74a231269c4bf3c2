import CCurl

/// Sends requests over one libcurl handle, which keeps its connection for the next one. Certificates are checked; redirects are not
/// followed, because a token belongs to one server.
///
/// Blocks the calling thread for at most `ClientLimits.whole`. Not for two threads at once, nor for Swift's own thread pool.
final class Transport {
    private let curl: UnsafeMutableRawPointer
    private let limits: ClientLimits
    private let authorities: String?

    struct Reply {
        var status: Int
        var body: [UInt8]
        var correlationID: String?
        /// As far as the server gave it in seconds.
        var retryAfter: Duration?
    }

    struct NoReply: Error {
        var reason: String
        var mayHaveArrived: Bool
    }

    static let libraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    /// Nil when libcurl cannot start, for want of memory.
    init?(limits: ClientLimits, authorities: String? = nil) {
        guard Self.libraryReady, let curl = curl_easy_init() else { return nil }
        self.curl = curl
        self.limits = limits
        self.authorities = authorities
    }

    /// Only those of the file may vouch for the server.
    static func trust(_ authorities: String?, _ curl: UnsafeMutableRawPointer) {
        guard let authorities else { return }
        _ = hostal_curl_set_text(curl, CURLOPT_CAINFO, authorities)
        _ = hostal_curl_set_text(curl, CURLOPT_CAPATH, nil)
    }

    deinit { curl_easy_cleanup(curl) }

    func send(_ method: String, _ url: String, headers: [String], body: [UInt8]?) throws(NoReply) -> Reply {
        curl_easy_reset(curl)
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers { list = curl_slist_append(list, header) }
        defer { curl_slist_free_all(list) }
        _ = hostal_curl_set_text(curl, CURLOPT_URL, url)
        _ = hostal_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https")
        Self.trust(authorities, curl)
        _ = hostal_curl_set_text(curl, CURLOPT_CUSTOMREQUEST, method)
        _ = hostal_curl_set_list(curl, CURLOPT_HTTPHEADER, list)
        if let body {
            _ = hostal_curl_set_long(curl, CURLOPT_POSTFIELDSIZE, body.count)
            body.withUnsafeBytes { bytes in
                _ = hostal_curl_set_pointer(curl, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
        }
        _ = hostal_curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        _ = hostal_curl_set_long(curl, CURLOPT_CONNECTTIMEOUT_MS, limits.connect.milliseconds)
        _ = hostal_curl_set_long(curl, CURLOPT_TIMEOUT_MS, limits.whole.milliseconds)

        let arrival = Arrival(limit: limits.body)
        let context = Unmanaged.passUnretained(arrival).toOpaque()
        _ = hostal_curl_set_pointer(curl, CURLOPT_WRITEDATA, context)
        _ = hostal_curl_set_pointer(curl, CURLOPT_HEADERDATA, context)
        _ = hostal_curl_set_data_function(curl, CURLOPT_WRITEFUNCTION, receiveBody)
        _ = hostal_curl_set_data_function(curl, CURLOPT_HEADERFUNCTION, receiveHeader)
        let code = withExtendedLifetime(arrival) { curl_easy_perform(curl) }
        guard code == CURLE_OK else {
            let reason =
                arrival.isTooLong ? "the answer has more than \(limits.body) bytes" : String(cString: curl_easy_strerror(code))
            throw NoReply(
                reason: Self.begunSmall(reason), mayHaveArrived: !Self.beforeSending.contains(code))
        }
        return Reply(
            status: Int(hostal_curl_response_code(curl)), body: arrival.body, correlationID: arrival.headers["x-correlation-id"],
            retryAfter: arrival.headers["retry-after"].flatMap { Int($0) }.map { .seconds(max(0, $0)) })
    }

    /// libcurl's sentences follow a colon here; `SSL` stays as it is.
    private static func begunSmall(_ sentence: String) -> String {
        guard sentence.dropFirst().first?.isUppercase != true else { return sentence }
        return sentence.prefix(1).lowercased() + sentence.dropFirst()
    }

    /// What fails before a byte of the request has left.
    private static let beforeSending: [CURLcode] = [
        CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT,
        CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
    ]
}

/// What arrives for one request. libcurl calls back on the thread that waits, so nothing is shared.
private final class Arrival {
    let limit: Int
    var body: [UInt8] = []
    var headers: [String: String] = [:]
    var isTooLong = false

    init(limit: Int) { self.limit = limit }
}

private func receiveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let arrival = Unmanaged<Arrival>.fromOpaque(context).takeUnretainedValue()
    guard arrival.body.count + size * count <= arrival.limit else {
        arrival.isTooLong = true
        return 0
    }
    arrival.body.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
}

private func receiveHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let arrival = Unmanaged<Arrival>.fromOpaque(context).takeUnretainedValue()
    let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: size * count), as: UTF8.self)
    if let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].drop { $0 == " " }.prefix { !$0.isNewline }
        arrival.headers[line[..<colon].lowercased()] = String(value)
    }
    return size * count
}

extension Duration {
    var milliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}
