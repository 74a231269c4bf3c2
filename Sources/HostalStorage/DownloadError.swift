import CCurl

/// A download that did not bring the whole file.
package struct DownloadError: Error, Sendable, CustomStringConvertible {
    /// For customers: without addresses.
    package var cause: String
    /// Trying again will not help.
    package var isPermanent: Bool
    /// The address without user, password and query, which may be secret.
    package var address: String

    package init(_ cause: String, isPermanent: Bool, address: String) {
        self.cause = cause
        self.isPermanent = isPermanent
        self.address = address
    }

    package var description: String { "\(address): \(cause)" }

    /// Answers that stay what they are: the rest of 4xx and all of 5xx may be a busy mirror.
    private static let finalStatuses = [400, 401, 403, 404, 405, 410, 451]

    init(curl code: CURLcode, status: Int, address: String) {
        switch code {
        case CURLE_HTTP_RETURNED_ERROR:
            self.init("the image server answered \(status)", isPermanent: Self.finalStatuses.contains(status), address: address)
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT:
            self.init(
                "the image's address, or one that it redirects to, is not a valid http or https address", isPermanent: true,
                address: address)
        case CURLE_TOO_MANY_REDIRECTS:
            self.init(
                "the image server redirects more than \(TransferLimits.redirects) times", isPermanent: true, address: address)
        default:
            self.init(
                "the download failed: \(String(cString: curl_easy_strerror(code)).lowercased())", isPermanent: false,
                address: address)
        }
    }
}
