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

/// A body that comes bit by bit.
package struct APIStream: Sendable {
    /// Nil at the end, and for a caller that is cancelled.
    package var next: @Sendable () async -> [UInt8]?
    /// Must be called once, however it ended: true when `next` said so, false when its reader went away. Returns the trailers.
    package var end: @Sendable (Bool) async -> [(name: String, value: String)]
}

/// An answer, without its transport. The body is JSON, or empty, or the stream's bytes.
package struct APIAnswer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)] = []
    package var body: [UInt8] = []
    package var stream: APIStream?

    init(status: Int, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }

    init(stream: APIStream) {
        self.init(status: 200)
        self.stream = stream
    }

    init(_ status: Int = 200, encoding body: some Encodable) throws {
        self.init(status: status, body: try WireCoding.bytes(of: body))
    }
}
