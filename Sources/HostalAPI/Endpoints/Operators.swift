import HostalDatabase
import HostalModel
import HostalWire

/// What operators do over HTTP: what `hostalctl` does, through the same stores.
extension Endpoint {
    static let operators = sales + machines + orders + holds

    static func oversee(_ path: String, _ work: @escaping @Sendable (Operating) async throws -> APIAnswer) -> Endpoint {
        Endpoint("GET", "/v1/admin/\(path)", .oversee(work))
    }
    static func operate(
        _ method: String, _ path: String, _ work: @escaping @Sendable (Operating) async throws -> Change
    ) -> Endpoint { Endpoint(method, "/v1/admin/\(path)", .operate(work)) }

    private static let sales: [Endpoint] = [
        oversee("accounts") { call in
            let page = try call.query.page()
            let store = AccountStore(database: call.database)
            let (accounts, total) = (try await store.list(page: page), try await store.count())
            return try APIAnswer(
                encoding: OperatorAccounts(accounts: accounts.map { OperatorAccount($0) }, meta: Meta(page, total: total)))
        },
        operate("POST", "accounts") { call in
            let request = try call.decode(PutAccount.self)
            let source = request.source ?? "hostalctl"
            guard (1...200).contains(request.reference.unicodeScalars.count) else {
                throw Refusal.invalid("reference", "must have 1 to 200 characters")
            }
            guard source.wholeMatch(of: /[a-z0-9][a-z0-9_-]{0,62}/) != nil else {
                throw Refusal.invalid("source", "must be 1 to 63 lower-case letters, digits, hyphens and underscores")
            }
            let id = try await AccountStore(database: call.database).put(source: source, reference: request.reference)
            return try Change(201, AccountMade(account: AccountName(id: id, source: source, reference: request.reference)))
        },
        oversee("tokens") { call in
            let page = try call.query.page()
            let account = try call.query.number("account")
            let store = TokenStore(database: call.database)
            let (tokens, total) = (try await store.list(account: account, page: page), try await store.count(account: account))
            return try APIAnswer(
                encoding: OperatorTokens(tokens: tokens.map { OperatorToken($0) }, meta: Meta(page, total: total)))
        },
        operate("POST", "tokens") { call in
            let request = try call.decode(MakeToken.self)
            guard (1...63).contains(request.name.unicodeScalars.count) else {
                throw Refusal.invalid("name", "must have 1 to 63 characters")
            }
            if let days = request.expiresInDays, !(1...3_650).contains(days) {
                throw Refusal.invalid("expires_in_days", "must be 1 to 3650")
            }
            guard let access = TokenAccess(rawValue: request.access ?? "read_write") else {
                throw Refusal.invalid("access", "must be read or read_write")
            }
            do {
                let made = try await TokenStore(database: call.database).create(
                    account: request.account, name: request.name, access: access,
                    expiresIn: request.expiresInDays.map { $0 * 86_400 })
                return try Change(
                    201,
                    TokenMade(token: TokenName(id: made.id, account: request.account, name: request.name), secret: made.token))
            } catch let error as PostgresError where error.sqlState == "23503" {
                throw Refusal.invalid("account", "there is no account \(request.account)")
            }
        },
        operate("DELETE", "tokens/{id}") { call in
            guard try await TokenStore(database: call.database).revoke(try call.number()) else {
                throw Refusal.notFound("the token")
            }
            return Change(empty: 204)
        },
        oversee("images") { call in
            let images = try await ImageCatalog(database: call.database).list()
            return try APIAnswer(encoding: OperatorImages(images: images.map { OperatorImage($0) }))
        },
        oversee("plans") { call in
            let plans = try await PlanReader(call.database).all()
            return try APIAnswer(encoding: OperatorPlans(plans: plans.map { OperatorPlan($0) }))
        },
    ]

    private static let orders: [Endpoint] = [
        oversee("orders") { call in
            let states = ["queued", "running", "succeeded", "failed", "stuck"]
            let state = call.query.text("state")
            guard state.map({ states.contains($0) }) ?? true else {
                throw Refusal.invalid("state", "must be one of \(states.joined(separator: ", "))")
            }
            let orders = try await OrderReader(database: call.database).newest(
                try call.query.page().perPage, state: state, before: try call.query.number("before"))
            return try APIAnswer(encoding: OperatorOrders(orders: orders.map { OperatorOrder($0) }))
        },
        oversee("orders/{id}") { call in
            try APIAnswer(encoding: OperatorOrderAnswer(order: try await order(try call.number(), call.database)))
        },
        operate("POST", "orders/{id}/retry") { call in
            try await intervening(call) { try await $0.retry($1) }
        },
        operate("POST", "orders/{id}/cancel") { call in
            try await intervening(call) { _ = try await $0.cancel($1) }
        },
    ]

    private static let holds: [Endpoint] = [
        oversee("holds") { call in
            let holds = try await HoldStore(call.database).list(server: try call.query.number("server"))
            return try APIAnswer(encoding: OperatorHolds(holds: holds.map { OperatorHold($0) }))
        },
        operate("POST", "servers/{id}/actions/suspend") { call in
            let request = try call.decode(PlaceHold.self)
            return try await holding(call) {
                try await $0.add(try reason(request), to: $1, note: request.note ?? "", by: call.by)
            }
        },
        operate("POST", "servers/{id}/actions/unsuspend") { call in
            let request = try call.decode(PlaceHold.self)
            return try await holding(call) { try await $0.lift(try reason(request), from: $1, by: call.by) }
        },
    ]

    private static func reason(_ request: PlaceHold) throws -> HoldReason {
        guard let reason = HoldReason(rawValue: request.reason) else {
            throw Refusal.invalid("reason", "must be one of \(HoldReason.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return reason
    }

    private static func order(_ id: Int64, _ database: any Querying) async throws -> OperatorOrder {
        guard let found = try await OrderReader(database: database).order(OrderID(id)) else {
            throw Refusal.notFound("the order")
        }
        return OperatorOrder(found)
    }

    /// Answers with the order as it is then.
    private static func intervening(_ call: Operating, _ body: (OrderIntervention, OrderID) async throws -> Void) async throws
        -> Change
    {
        let id = try call.number()
        do { try await body(OrderIntervention(database: call.database), OrderID(id)) } catch is OrderNotThere {
            throw Refusal.notFound("the order")
        } catch let error as OrderElsewhere {
            throw Refusal(status: 409, code: "conflict", message: error.description)
        }
        return try Change(201, OperatorOrderAnswer(order: try await order(id, call.database)))
    }

    /// Answers with the order that sees to the server's power.
    private static func holding(_ call: Operating, _ body: (HoldStore, Int64) async throws -> Int64) async throws -> Change {
        do {
            let placed = try await order(try await body(HoldStore(call.database), try call.number()), call.database)
            let isOver = placed.state == "succeeded"
            let suspends = placed.kind == "suspend"
            var effect = Effects.of(
                "poweroff", steps: isOver ? [] : call.steps[suspends ? "suspend-server" : "resume-server"] ?? [])
            if isOver || !suspends { effect.downtime = "none" }
            return try Change(201, OperatorOrderAnswer(order: placed), effect: effect)
        } catch let error as PostgresError where error.sqlState == "HO001" && error.detail == "server" {
            throw Refusal.notFound("the server")
        }
    }
}
