import HostalProvisioning
import HostalSystem

/// How errors of this module's tools become failures, and the words for what it refuses itself.
extension Failure {
    /// A tool that failed may succeed the next time: kernel locks, memory, a namespace that is being set up.
    static func network(_ action: String, cause: any Error) -> Failure {
        if let failure = cause as? Failure { return failure }
        return Failure(
            .temporary, .networkUnavailable, "cannot \(action): the host's network did not answer as expected", cause: cause)
    }

    static func notANetworkValue(_ what: String, _ text: String, accepted: String) -> Failure {
        Failure(
            .permanent, .invalidInput, "cannot set up a network card: \(what) is not \(accepted)",
            detail: "\(what): '\(text.prefix(100))'")
    }

    /// Temporary: a bridge may still be on its way up after the host's start.
    static func bridgeUnavailable(_ bridge: BridgeName, _ why: String) -> Failure {
        Failure(
            .temporary, .networkUnavailable, "cannot connect to the network: it is not available on this host",
            detail: "bridge '\(bridge)' \(why)")
    }

    /// A link of somebody else's bears a name that we need: only a person can tell what it is for.
    static func foreignLink(_ name: String, _ why: String) -> Failure {
        Failure(
            .needsOperator, .networkUnavailable, "cannot use the network: a name that it needs is taken on this host",
            detail: "link '\(name)' \(why)")
    }
}

/// Runs `body`; what it throws becomes a `Failure` that says what could not be done.
func naming<Value>(_ action: String, _ body: () async throws -> Value) async throws -> Value {
    do {
        return try await body()
    } catch {
        throw Failure.network(action, cause: error)
    }
}

extension CommandError {
    /// `ip` has no exit code for it, only words, which are not translated. Whole phrases: a namespace that is absent is not an absent link.
    var saysLinkIsAbsent: Bool {
        errorTail.hasPrefix("Device \"") && errorTail.contains("\" does not exist.")
            || errorTail.hasPrefix("Cannot find device \"")
    }
    /// The same of `nft`.
    var saysNoSuchTable: Bool { errorTail.hasPrefix("Error: No such file or directory") }
}
