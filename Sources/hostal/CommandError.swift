import HostalClient

/// Why a command ends without its result: *cannot do what, to which thing: cause*, with an exit code.
struct CommandError: Error, CustomStringConvertible {
    var exit: Exit
    var message: String
    /// Further lines, each a fact of its own.
    var details: [String] = []

    var description: String { ([message] + details.map { "  " + $0 }).joined(separator: "\n") }

    init(_ exit: Exit, _ message: String, details: [String] = []) {
        self.exit = exit
        self.message = message
        self.details = details
    }

    /// - Parameter task: `create server web-1`.
    init(_ task: String, _ failure: APIFailure) {
        self.init(Exit(failure), "")
        switch failure {
        case .refused(let refusal):
            // The API words its refusals as we do; those of a proxy in front of it are not.
            message = refusal.message.hasPrefix("cannot ") ? refusal.message : "cannot \(task): \(refusal.message)"
            details = refusal.fields.flatMap { field in field.messages.map { "\(Self.option(for: field.name)): \($0)" } }
            details.append("code \(refusal.code)" + (refusal.correlationID.map { ", correlation id \($0)" } ?? ""))
        case .unreachable(let address, let reason, let mayHaveArrived):
            message = "cannot \(task): \(address) gives no answer: \(reason)"
            if mayHaveArrived { details = ["the request may have arrived; with the same --idempotency-key it is safe to repeat"] }
        case .unreadable(let address, let status, let reason):
            message = "cannot \(task): what answers at \(address) is not the API: status \(status): \(reason)"
        }
        message = message.printable
        details = details.map(\.printable)
    }

    /// The API's fields, as this command calls them.
    private static func option(for field: String) -> String {
        switch field {
        case "server_type": "--plan"
        case "image", "name", "location", "description", "labels": "--" + (field == "labels" ? "label" : field)
        case "ssh_keys": "--ssh-key"
        case "user_data": "--user-data-from-file"
        case "upgrade_disk": "--upgrade-disk"
        case "public_key": "--public-key"
        case "force_after_seconds": "--force-after"
        default: field
        }
    }
}

/// Runs what belongs to a task, and gives its failures the task's name.
func doing<T>(_ task: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let failure as APIFailure {
        throw CommandError(task, failure)
    } catch let failure as LookupFailure {
        switch failure {
        case .absent: throw CommandError(.notFound, "cannot \(task): \(failure)".printable)
        case .ambiguous: throw CommandError(.conflict, "cannot \(task): \(failure)".printable)
        }
    }
}
