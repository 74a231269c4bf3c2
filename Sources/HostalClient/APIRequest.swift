/// One request to the API: everything but where the API is and who asks.
package struct APIRequest: Sendable, Hashable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
        case delete = "DELETE"
    }

    package struct Parameter: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var method: Method
    /// Below the API's root: `/servers/17`.
    package var path: String
    package var query: [Parameter]
    package var body: JSON?
    /// A body that is no JSON, in its place.
    package var bytes: [UInt8]?
    /// Makes a repeated change the same change. Every request but a GET needs one.
    package var idempotencyKey: String?

    package init(_ method: Method, _ path: String, query: [Parameter] = [], body: JSON? = nil, idempotencyKey: String? = nil) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.idempotencyKey = idempotencyKey
    }

    /// Whether asking twice does no more than asking once.
    package var isRepeatable: Bool { method == .get || idempotencyKey != nil }

    package var target: String {
        guard !query.isEmpty else { return path }
        return path + "?" + query.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
    }

    /// Percent-encoded but for what RFC 3986 reserves for nothing.
    package static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

/// What the API answered with a status below 400.
package struct APIAnswer: Sendable, Hashable {
    package var status: Int
    /// `null` when there was no body.
    package var body: JSON
    package var correlationID: String?
    /// How often the request was sent.
    package var attempts: Int
}
