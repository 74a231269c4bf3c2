/// Why a step could not be done, as the engine acts on it.
///
/// `code` and `message` reach the customer; `detail` and `cause` only operators. The message says *cannot do what, to which thing:
/// cause*, in lower case and one line, without host names, paths, SQL or XML.
package struct Failure: Error, Sendable, CustomStringConvertible {
    package enum Kind: String, Sendable, Codable {
        /// May pass by itself: tried again with back-off until the step's attempts or the job's deadline run out.
        case temporary
        /// Will not pass: the job unwinds at once.
        case permanent
        /// Somebody must look: while unwinding or after the pivot the job becomes stuck, and what it holds stays reserved.
        case needsOperator
    }

    /// Stable words that customers' programs may compare.
    package enum Code: String, Sendable, Codable {
        case resourceUnavailable = "resource_unavailable"
        case imageUnavailable = "image_unavailable"
        case invalidInput = "invalid_input"
        case storageFull = "storage_full"
        case networkUnavailable = "network_unavailable"
        case guestDidNotAnswer = "guest_did_not_answer"
        case timeout
        case cancelled
        case serviceError = "service_error"
    }

    package var kind: Kind
    package var code: Code
    package var message: String
    /// For operators: what the library or the tool said, with paths and numbers.
    package var detail: String?

    package init(_ kind: Kind, _ code: Code, _ message: String, detail: String? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.detail = detail
    }

    package init(_ kind: Kind, _ code: Code, _ message: String, cause: any Error) {
        self.init(kind, code, message, detail: String(describing: cause))
    }

    /// Any error becomes a failure: one that nobody named is temporary and the customer reads only that the service is at fault.
    package init(naming error: any Error) {
        if let failure = error as? Failure {
            self = failure
        } else {
            self.init(.temporary, .serviceError, "cannot carry out this step: internal error", cause: error)
        }
    }

    package var description: String { detail.map { "\(message) [\($0)]" } ?? message }
}
