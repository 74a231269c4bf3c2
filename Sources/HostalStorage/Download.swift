import CCurl
import HostalSystem

/// Brings a file over HTTP into a `PartFile`, going on where an earlier attempt ended if the server still has the same file.
///
/// Blocks its thread for as long as it takes; a cancelled task ends it within about a second. http and https only, also in redirects.
/// Operators name the addresses, so private ones are allowed: never give it one that a customer chose.
struct Download {
    var url: String
    var limits: TransferLimits

    /// Throws a `DownloadError`, what `admit` throws, a `FileError` or a `CancellationError`; what had arrived stays in `part`.
    /// - Parameters:
    ///   - validator: the ETag or date of the file that the start of `part` came from; nil when unknown, which starts over.
    ///   - began: called before the first byte is written with the validator of what now comes.
    ///   - admit: may refuse to go on; called with the size of the whole file, when the server says it, before its first byte is written.
    func run(
        into part: PartFile, validator: String?, began: @escaping (String?) throws -> Void,
        admit: @escaping (Int64) throws -> Void,
        progress: @escaping TransferProgress.Observer
    ) throws {
        if validator == nil { try part.restart() }
        let reception = Reception(into: part, limit: limits.fileSize, began: began, admit: admit, progress: progress)
        do {
            try perform(reception, resumingWith: part.count > 0 ? validator : nil)
        } catch is RangeRefused {
            // The server's file is no longer than what we have: it is another one.
            try part.restart()
            reception.forgetAnswer()
            try perform(reception, resumingWith: nil)
        }
    }

    private struct RangeRefused: Error {}
    private static let rangeNotSatisfiable = 416

    /// libcurl asks for this once for each process.
    private static let libraryReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    private func perform(_ reception: Reception, resumingWith validator: String?) throws {
        guard Self.libraryReady, let curl = curl_easy_init() else {
            throw DownloadError("libcurl cannot start", isPermanent: false, address: address)
        }
        defer { curl_easy_cleanup(curl) }
        var headers: UnsafeMutablePointer<curl_slist>?
        defer { curl_slist_free_all(headers) }
        if let validator {
            headers = curl_slist_append(nil, "If-Range: \(validator)")
            _ = hostal_curl_set_list(curl, CURLOPT_HTTPHEADER, headers)
            _ = hostal_curl_set_text(curl, CURLOPT_RANGE, "\(reception.part.count)-")
        }
        setBounds(of: curl)
        let context = Unmanaged.passUnretained(reception).toOpaque()
        _ = hostal_curl_set_pointer(curl, CURLOPT_WRITEDATA, context)
        _ = hostal_curl_set_pointer(curl, CURLOPT_HEADERDATA, context)
        _ = hostal_curl_set_data_function(curl, CURLOPT_WRITEFUNCTION, receiveBody)
        _ = hostal_curl_set_data_function(curl, CURLOPT_HEADERFUNCTION, receiveHeader)
        _ = hostal_curl_set_long(curl, CURLOPT_NOPROGRESS, 0)
        _ = hostal_curl_set_progress_function(curl, continueUnlessCancelled)

        let code = withExtendedLifetime(reception) { curl_easy_perform(curl) }
        let status = hostal_curl_response_code(curl)
        if let error = reception.error { throw error }
        try Task.checkCancellation()
        if status == Self.rangeNotSatisfiable, validator != nil { throw RangeRefused() }
        guard code == CURLE_OK else { throw DownloadError(curl: code, status: status, address: address) }
    }

    private func setBounds(of curl: UnsafeMutableRawPointer) {
        _ = hostal_curl_set_text(curl, CURLOPT_URL, url)
        _ = hostal_curl_set_text(curl, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = hostal_curl_set_text(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
        _ = hostal_curl_set_text(curl, CURLOPT_USERAGENT, "hostal")
        _ = hostal_curl_set_long(curl, CURLOPT_FOLLOWLOCATION, 1)
        _ = hostal_curl_set_long(curl, CURLOPT_MAXREDIRS, TransferLimits.redirects)
        _ = hostal_curl_set_long(curl, CURLOPT_FAILONERROR, 1)
        _ = hostal_curl_set_long(curl, CURLOPT_NOSIGNAL, 1)
        _ = hostal_curl_set_long(curl, CURLOPT_CONNECTTIMEOUT_MS, Int(limits.connect.components.seconds) * 1000)
        _ = hostal_curl_set_long(curl, CURLOPT_LOW_SPEED_LIMIT, TransferLimits.slowestRate)
        _ = hostal_curl_set_long(curl, CURLOPT_LOW_SPEED_TIME, Int(max(1, limits.stall.components.seconds)))
    }

    private var address: String { Self.redacted(url) }

    /// Without user, password, query and fragment.
    static func redacted(_ url: String) -> String {
        let plain = url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = plain.firstRange(of: "://") else { return String(plain) }
        let rest = plain[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return String(plain[..<scheme.upperBound] + host + rest[authority.endIndex...])
    }
}

private func receiveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let reception = Unmanaged<Reception>.fromOpaque(context).takeUnretainedValue()
    return reception.accept(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

private func receiveHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?)
    -> Int
{
    guard let context else { return 0 }
    let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
    Unmanaged<Reception>.fromOpaque(context).takeUnretainedValue().note(header: String(decoding: line, as: UTF8.self))
    return size * count
}

/// libcurl calls it at least once a second, on the thread and inside the task that wait for the download.
private func continueUnlessCancelled(
    _ context: UnsafeMutableRawPointer?, _ total: curl_off_t, _ done: curl_off_t, _ upTotal: curl_off_t, _ upDone: curl_off_t
) -> Int32 { Task.isCancelled ? 1 : 0 }
