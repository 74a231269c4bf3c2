import FoundationEssentials
import HostalWire

/// A request, without its transport.
package struct APIRequest: Sendable {
    package var method: String
    /// Without query.
    package var path: String
    /// Without `?`, percent-encoded.
    package var query: String
    package var authorization: String?
    package var idempotencyKey: String?
    package var body: [UInt8]

    package init(
        method: String, path: String, query: String = "", authorization: String? = nil, idempotencyKey: String? = nil,
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.authorization = authorization
        self.idempotencyKey = idempotencyKey
        self.body = body
    }
}

/// An answer, without its transport. The body is JSON, or empty.
package struct APIAnswer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []

    init(status: Int, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }

    init(_ status: Int = 200, encoding body: some Encodable) throws {
        self.init(status: status, body: Array(try WireCoding.encoder().encode(body)))
    }
}
