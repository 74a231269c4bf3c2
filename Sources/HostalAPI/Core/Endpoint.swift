import FoundationEssentials
import HostalDatabase
import HostalProvisioning
import HostalWire

/// One method of one path, and what it does. A row of the route table, which the OpenAPI document is compared with.
struct Endpoint: Sendable {
    enum Work: Sendable {
        /// For everybody, without a token.
        case open(@Sendable () throws -> APIAnswer)
        case read(@Sendable (Reading) async throws -> APIAnswer)
        /// In a transaction: committed when it returns, rolled back when it throws or for a dry run.
        case change(@Sendable (Changing) async throws -> Change)
        /// For operators: reads.
        case oversee(@Sendable (Operating) async throws -> APIAnswer)
        /// For operators: as `change`.
        case operate(@Sendable (Operating) async throws -> Change)
        /// Without a transaction, for tokens that may write, whatever the method: what it touches is no row.
        case direct(@Sendable (Direct) async throws -> APIAnswer)
        /// The API's clients know it, and we do not have it: 501, never a false success.
        case absent
    }

    let method: String
    /// Such as `/v1/servers/{id}`.
    let path: String
    let work: Work
    enum Manner: Sendable {
        case usual
        /// Counted by the rate of typing, not as a request of the hour.
        case typing
        /// Answers bit by bit.
        case streaming
    }
    let manner: Manner

    init(_ method: String, _ path: String, _ work: Work, manner: Manner = .usual) {
        self.method = method
        self.path = path
        self.work = work
        self.manner = manner
    }

    func isFor(_ access: TokenAccess) -> Bool {
        if case .direct = work { return access == .readWrite }
        return access == .readWrite || method == "GET"
    }

    static func read(_ path: String, _ work: @escaping @Sendable (Reading) async throws -> APIAnswer) -> Endpoint {
        Endpoint("GET", path, .read(work))
    }
    static func change(_ method: String, _ path: String, _ work: @escaping @Sendable (Changing) async throws -> Change)
        -> Endpoint
    {
        Endpoint(method, path, .change(work))
    }
}

/// What reading endpoints get.
struct Reading: Sendable {
    let account: Int64
    let database: Database
    let settings: APISettings
    let parameters: [String: Int64]
    let query: Query

    /// The number in the path. Absent is a mistake in the route table.
    func number(_ name: String = "id") throws -> Int64 {
        guard let number = parameters[name] else { throw Refusal.notFound("the object") }
        return number
    }
}

/// What changing endpoints get.
struct Changing: Sendable {
    let account: Int64
    let transaction: Transaction
    let settings: APISettings
    let parameters: [String: Int64]
    let body: [UInt8]
    /// Steps of each workflow, by its name.
    let steps: [String: [String]]

    func number(_ name: String = "id") throws -> Int64 {
        guard let number = parameters[name] else { throw Refusal.notFound("the object") }
        return number
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T { try Body.decode(type, from: body) }
}

/// What operators' endpoints get.
struct Operating: Sendable {
    /// The transaction, where something is changed.
    let database: any Querying
    let parameters: [String: Int64]
    let query: Query
    let body: [UInt8]
    /// Steps of each workflow, by its name.
    let steps: [String: [String]]
    /// The token's name.
    let by: String

    func number(_ name: String = "id") throws -> Int64 {
        guard let number = parameters[name] else { throw Refusal.notFound("the object") }
        return number
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T { try Body.decode(type, from: body) }
}

/// What endpoints outside transactions get.
struct Direct: Sendable {
    let bearer: TokenBearer
    let database: Database
    /// Nil where this process opens none.
    let consoles: ConsoleSessions?
    let parameters: [String: Int64]
    let body: [UInt8]
    let isDryRun: Bool

    func number(_ name: String = "id") throws -> Int64 {
        guard let number = parameters[name] else { throw Refusal.notFound("the object") }
        return number
    }

    func onlyTried() throws -> APIAnswer { try APIAnswer(encoding: DryRunAnswer(dryRun: .immediate)) }
}

/// What a changing endpoint did.
struct Change: Sendable {
    var answer: APIAnswer
    /// What repeats of the request are told: the answer without secrets.
    var kept: [UInt8]
    var effect: DryRun

    init(_ status: Int, _ body: some Encodable, kept: (some Encodable)? = Int?.none, effect: DryRun = .immediate) throws {
        answer = try APIAnswer(status, encoding: body)
        self.kept = if let kept { try WireCoding.bytes(of: kept) } else { answer.body }
        self.effect = effect
    }

    /// An answer without a body.
    init(empty status: Int, effect: DryRun = .immediate) {
        answer = APIAnswer(status: status)
        kept = []
        self.effect = effect
    }
}

extension DryRun {
    /// Of changes that are done when they are answered.
    static let immediate = DryRun(steps: [], downtime: "none", irreversible: false, keeps: [])
}
