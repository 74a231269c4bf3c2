/// Where an image comes from.
package enum ImageSource: Sendable, Hashable {
    /// An absolute path on this host.
    case file(String)
    case url(String)

    /// Nil unless it is an absolute path or an http(s) address.
    package init?(location: String) {
        let start = location.prefix(8).lowercased()
        if location.hasPrefix("/") {
            self = .file(location)
        } else if start.hasPrefix("http://") || start.hasPrefix("https://") {
            self = .url(location)
        } else {
            return nil
        }
    }

    package var location: String {
        switch self {
        case .file(let path): path
        case .url(let url): url
        }
    }
}
