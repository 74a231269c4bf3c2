import HostalDatabase
import HostalWire

extension Refusal {
    /// What a customer is told of an error of the database; nil for one that is our own fault, which goes to the log alone.
    init?(_ error: PostgresError) {
        switch error.sqlState {
        case "HO001": self = Self.refusedOrder(field: error.detail ?? "", message: error.message)
        case "HO002": self = Refusal(status: 409, code: "conflict", message: error.message)
        case "HO003": self = Refusal(status: 423, code: "locked", message: error.message)
        case "HO004": self = Refusal(status: 423, code: "protected", message: error.message)
        case "HO006": self = Refusal(status: 423, code: "locked", message: error.message)
        case "HO005": self = Refusal(status: 409, code: "conflict", message: error.message)
        case "23505":
            self = Refusal(
                status: 409, code: "uniqueness_error",
                message: error.constraint?.contains("fingerprint") == true
                    ? "the account has this key already" : "the name is taken")
        // Texts with characters that PostgreSQL cannot store.
        case "22P05", "22021": self = .invalid("body", "contains a character that cannot be stored, such as U+0000")
        case "40001", "40P01": self = .busy
        case _ where error.isRetriable || error.sqlState == "57014": self = .away
        default: return nil
        }
    }

    /// By the API's own names of fields: what orders call a plan is a server type here.
    private static func refusedOrder(field: String, message: String) -> Refusal {
        let prefix = "invalid order: \(field): "
        let reason = message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
        switch field {
        case "server": return Refusal(status: 409, code: "conflict", message: reason)
        case "name" where reason.contains("is the name of server"):
            return Refusal(
                status: 409, code: "uniqueness_error", message: reason, fields: [FieldError(name: "name", messages: [reason])])
        case "plan": return .invalid("server_type", reason)
        case _ where field.hasPrefix("ssh_keys["): return .invalid("ssh_keys", reason)
        default: return .invalid(field, reason)
        }
    }
}
