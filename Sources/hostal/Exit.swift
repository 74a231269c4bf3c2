import HostalClient

/// How the command can end. docs/cli.md promises these numbers to scripts.
enum Exit: Int32 {
    case ok = 0
    case other = 1
    case usage = 2
    case notAllowed = 3
    case notFound = 4
    /// Also: locked, on hold, in no state for it.
    case conflict = 5
    /// Also: a confirmation that was not given.
    case protected = 6
    case limit = 7
    case rolledBack = 8
    case needsAttention = 9
    case stillRunning = 10
    case tryAgain = 11

    init(_ failure: APIFailure) {
        switch failure {
        case .unreachable: self = .tryAgain
        case .unreadable(_, let status, _): self = status >= 500 ? .tryAgain : .other
        case .refused(let refusal): self = Self.code(of: refusal)
        }
    }

    private static func code(of refusal: APIFailure.Refusal) -> Exit {
        switch refusal.code {
        case "unauthorized", "forbidden", "token_readonly": .notAllowed
        case "not_found": .notFound
        case "conflict", "locked", "uniqueness_error", "server_not_stopped", "on_hold": .conflict
        case "protected": .protected
        case "limit_reached", "resource_limit_exceeded", "resource_unavailable", "placement_error": .limit
        // A rate is no quota: the same request is welcome later.
        case "rate_limit_exceeded", "maintenance", "service_error", "timeout", "unavailable": .tryAgain
        case "invalid_input", "json_error": .usage
        case "unsupported_error": .other
        default:
            switch refusal.status {
            case 401, 403: .notAllowed
            case 404: .notFound
            case 409, 423: .conflict
            case 400, 422: .usage
            case 429, 500, 502...599: .tryAgain
            default: .other
            }
        }
    }
}
