package import HostalModel

/// A step's stored name. It never changes once released: jobs in the database carry it.
package struct StepName: Hashable, Sendable, Codable, CustomStringConvertible, ExpressibleByStringLiteral {
    package let text: String
    package init(_ text: String) { self.text = text }
    package init(stringLiteral value: String) { text = value }
    package var description: String { text }
    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// How one run of a step ends. An error is the third way.
package enum StepProgress<Output: Codable & Sendable>: Sendable {
    /// The step's promise is true. The records are written in the same commit as this fact.
    case done(Output, records: [Record] = [])
    /// Not yet, and nothing is wrong: frees the worker and costs no attempt. The reason is what the customer reads.
    case waiting(for: String, checkAgainIn: Duration)
}

/// What a step has the database remember, in the commit that marks it done.
package enum Record: Sendable, Equatable {
    /// The job and the server belong to this host from now on.
    case placed(HostID)
    /// The guest has answered from its first disk: the server runs, billing may start. Written once for each order, whatever is repeated.
    case running(GuestReport, ServerDisk)
    /// The guest has power, or has none.
    case power(PowerState)
    /// The guest has booted again from the disk that it has.
    case rebooted(GuestReport)
    /// The guest has answered from a new disk: the server is what the order asked for, and its disk of before is kept for a while.
    case reinstalled(GuestReport, ServerDisk)
    /// The guest has answered from the kept disk that the job is about: it is the server's again, and the other is kept for a while.
    case broughtBack(GuestReport)
    /// The server has the job's plan; the report is nil when it was off and stays so.
    case resized(GuestReport?)
    /// The guest has no power because of a hold; `before` is what it had when the order came to it.
    case suspended(before: PowerState)
    /// The guest has the power back that a hold took.
    case resumed
    /// The image that the job's order makes is whole: orders may name it. `wasQuiet`: as `CopiedDisk` says.
    case imageMade(MadeImage, wasQuiet: Bool)
    /// The server's disk needs no image, and no definition names one.
    case flattened(ServerDisk)
    /// Nothing of the kept disk that the job is about is left, or nothing of any disk of a server that was deleted.
    case purged
    /// Nothing of the server is left but, if any, disks that are to be purged after this time.
    case deleted(disksKeptFor: Duration?)
}

/// Output of a step that leaves nothing for later steps.
package struct Nothing: Codable, Sendable, Equatable {
    package init() {}
}

/// One effect with its undo.
///
/// `run` and `undo` happen at least once: twice equals once. `undo` also follows a `run` that stopped half way, and none at all. Both find
/// what they need by names that follow from the job, and both hold the server's fence on this host while they run: no other worker acts on
/// this server meanwhile, and none that lost its lease acts at all.
package protocol Step<Output>: Sendable {
    associatedtype Output: Codable & Sendable
    static var name: StepName { get }
    /// What a customer reads while it runs: `cloning the disk`.
    static var title: String { get }
    /// What a deadline that passes while this step waits is called; `timeout` unless the step says otherwise.
    static var lateCode: Failure.Code { get }
    /// Every name that the effect will use, written down before it happens, for people who clean up by hand.
    func intent(for job: Job) throws -> [String: String]
    func run(_ job: Job, on host: Host) async throws -> StepProgress<Output>
    func undo(_ job: Job, on host: Host) async throws
}

extension Step {
    package static var lateCode: Failure.Code { .timeout }
}
