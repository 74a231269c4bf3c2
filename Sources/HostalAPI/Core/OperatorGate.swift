import HostalDatabase
import HostalWire

/// The way to operators' routes: tokens of their own, and nothing of any account's.
extension APIService {
    static func isOperators(_ path: String) -> Bool { path == "/v1/admin" || path.hasPrefix("/v1/admin/") }

    /// To a customer's token these paths are not there; others are told to bring one.
    func admitOperator(_ request: APIRequest, _ match: RouteTable.Match, _ visit: inout Visit) async throws -> APIAnswer {
        let token = Self.presented(request) ?? ""
        guard let bearer = try await OperatorTokenStore(database).bearer(of: token) else {
            visit.bearer = try await tokens.bearer(of: token)
            if visit.bearer != nil { throw Refusal.notFound("this path") }
            visit.headers.append(("WWW-Authenticate", "Bearer"))
            throw Refusal.unauthorized
        }
        visit.operator = bearer
        guard bearer.access == .readWrite || request.method == "GET" else { throw Refusal.readOnly }
        try Self.spend(operatorsLimit, bearer.token, &visit)
        switch match {
        case .nothing: throw Refusal.notFound("this path")
        case .wrongMethod(_, let allowed):
            visit.headers.append(("Allow", allowed.joined(separator: ", ")))
            throw Refusal.wrongMethod(allowed)
        case .found(let endpoint, let parameters): return try await carryOut(endpoint, parameters, request, bearer)
        }
    }

    private func carryOut(
        _ endpoint: Endpoint, _ parameters: [String: Int64], _ request: APIRequest, _ bearer: OperatorBearer
    ) async throws -> APIAnswer {
        let query = try Query(request.query)
        guard request.idempotencyKey == nil else {
            throw Refusal.invalid("Idempotency-Key", "operators' requests take none: each is safe to repeat by itself")
        }
        @Sendable func call(_ database: any Querying) -> Operating {
            Operating(
                database: database, parameters: parameters, query: query, body: request.body, steps: steps, by: bearer.name)
        }
        switch endpoint.work {
        case .oversee(let work): return try await work(call(database))
        case .operate(let work):
            let isDryRun = try query.flag("dry_run")
            do {
                return try await database.transaction { transaction in
                    let change = try await work(call(transaction))
                    if isDryRun { throw OnlyTried(effect: change.effect) }
                    return change.answer
                }
            } catch let tried as OnlyTried {
                return try APIAnswer(encoding: DryRunAnswer(dryRun: tried.effect))
            }
        case .open, .read, .change, .direct, .absent: throw Refusal.absent
        }
    }
}
