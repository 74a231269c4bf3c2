/// Why a request brought no result.
package enum APIFailure: Error, Sendable, Hashable {
    /// The API refused it, or failed at it.
    case refused(Refusal)
    /// No answer came. `mayHaveArrived`: the API may have got the request and acted on it.
    case unreachable(address: String, reason: String, mayHaveArrived: Bool)
    /// Something answered that is not the API.
    case unreadable(address: String, status: Int, reason: String)

    /// The API's own words.
    package struct Refusal: Sendable, Hashable {
        package struct Field: Sendable, Hashable {
            package var name: String
            package var messages: [String]
        }

        package var status: Int
        /// Never changes: `not_found`, `locked`, `protected`…
        package var code: String
        package var message: String
        package var fields: [Field]
        /// What the API's operators find the request by.
        package var correlationID: String?
    }
}

extension APIFailure.Refusal {
    /// Of an answer with a status of 400 or more; nil when its body is not the API's.
    init?(status: Int, body: JSON, correlationID: String?) {
        let error = body["error"]
        guard let code = error["code"].string else { return nil }
        self.status = status
        self.code = code
        message = error["message"].string ?? ""
        fields = error["details"]["fields"].elements.map { field in
            Field(name: field["name"].text ?? "", messages: field["messages"].elements.compactMap(\.text))
        }
        self.correlationID = correlationID
    }
}
