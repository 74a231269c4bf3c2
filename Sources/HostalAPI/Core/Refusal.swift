import HostalWire

/// A request that is not carried out: what its answer says. Never names hosts, paths or SQL.
struct Refusal: Error, Sendable, Equatable {
    var status: Int
    var code: String
    var message: String
    var fields: [FieldError] = []

    var body: ErrorBody {
        ErrorBody(error: APIError(code: code, message: message, details: fields.isEmpty ? nil : ErrorDetails(fields: fields)))
    }

    static let unauthorized = Refusal(
        status: 401, code: "unauthorized", message: "give a valid token as 'Authorization: Bearer …'")
    static let readOnly = Refusal(status: 403, code: "token_readonly", message: "this token may only read")
    static let malformed = Refusal(status: 400, code: "json_error", message: "the body is not a JSON object")
    static let tooLarge = Refusal(
        status: 413, code: "request_too_large", message: "the body has more than \(APIService.bodyLimit) bytes")
    static let rateLimited = Refusal(
        status: 429, code: "rate_limit_exceeded", message: "this token's requests of the hour are used up")
    static let failed = Refusal(status: 500, code: "service_error", message: "something went wrong on our side")
    static let away = Refusal(
        status: 503, code: "service_error",
        message:
            "the service cannot answer now, and a change may or may not have happened: repeat it with the same Idempotency-Key")
    static let busy = Refusal(status: 409, code: "conflict", message: "another change came in between: repeat the request")
    static let providers = Refusal(
        status: 403, code: "forbidden", message: "this image is your provider's: only images of your own can be changed")
    static let keyReused = Refusal(
        status: 422, code: "idempotency_key_reused", message: "this Idempotency-Key belongs to another request: use a new one")

    static func labelsChanged(_ what: String) -> Refusal {
        Refusal(
            status: 409, code: "conflict", message: "the \(what)'s labels have changed meanwhile: read them and try again")
    }

    static func notFound(_ what: String) -> Refusal { Refusal(status: 404, code: "not_found", message: "\(what) was not found") }

    static func wrongMethod(_ allowed: [String]) -> Refusal {
        Refusal(status: 405, code: "method_not_allowed", message: "this path takes \(allowed.joined(separator: ", "))")
    }

    static func invalid(_ field: String, _ reason: String) -> Refusal {
        Refusal(
            status: 422, code: "invalid_input", message: "invalid input in field '\(field)'",
            fields: [FieldError(name: field, messages: [reason])])
    }

    /// A field that the API knows and this installation does not do.
    static func unsupported(_ field: String, _ reason: String) -> Refusal {
        Refusal(
            status: 422, code: "unsupported_error", message: "field '\(field)': \(reason)",
            fields: [FieldError(name: field, messages: [reason])])
    }

    static let absent = Refusal(status: 501, code: "unsupported_error", message: "Hostal does not have this yet")
}
