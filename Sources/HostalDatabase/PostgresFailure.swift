package import HostalProvisioning

extension Failure {
    /// What the engine makes of a database error. `what` begins the customer's message: `cannot record this order`.
    package init(_ what: String, _ error: PostgresError) {
        let kind: Kind
        let reason: String
        switch error.sqlState.prefix(2) {
        case _ where error.isRetriable, "57", "55":
            (kind, reason) = (.temporary, "the database does not answer at the moment")
        case "22", "23":
            (kind, reason) = (.permanent, "the database does not accept a value")
        case "53", "58":
            (kind, reason) = (.needsOperator, "the database is out of resources")
        default:
            (kind, reason) = (.needsOperator, "the database does not understand this request")
        }
        self.init(kind, error.isCancellation ? .cancelled : .serviceError, "\(what): \(reason)", cause: error)
    }
}
