/// What an answer with a status of 400 or more carries.
package struct ErrorBody: Codable, Hashable, Sendable {
    package var error: APIError

    package init(
        error: APIError
    ) {
        self.error = error
    }
}

/// A code that never changes, and words that may be shown to customers.
package struct APIError: Codable, Hashable, Sendable {
    package var code: String
    package var message: String
    @Nullable package var details: ErrorDetails?

    package init(
        code: String, message: String, details: ErrorDetails? = nil
    ) {
        self.code = code
        self.message = message
        self.details = details
    }
}

/// Which fields of the request are wrong.
package struct ErrorDetails: Codable, Hashable, Sendable {
    package var fields: [FieldError]?

    package init(
        fields: [FieldError]? = nil
    ) {
        self.fields = fields
    }
}

/// One wrong field, by its name in the request, and what is wrong with it.
package struct FieldError: Codable, Hashable, Sendable {
    package var name: String
    package var messages: [String]

    package init(
        name: String, messages: [String]
    ) {
        self.name = name
        self.messages = messages
    }
}
