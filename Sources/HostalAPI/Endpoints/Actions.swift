import HostalDatabase
import HostalWire

/// Actions: of the account, or of one of its servers.
extension Endpoint {
    static let actions: [Endpoint] = [
        .read("/v1/actions") { call in try await list(call, server: nil) },
        .read("/v1/actions/{id}") { call in try await one(call, try call.number(), server: nil) },
        .read("/v1/servers/actions") { call in try await list(call, server: nil) },
        .read("/v1/servers/actions/{id}") { call in try await one(call, try call.number(), server: nil) },
        .read("/v1/servers/{id}/actions") { call in
            let server = try call.number()
            guard try await ServerReader(call.database).server(server, of: call.account) != nil else {
                throw Refusal.notFound("the server")
            }
            return try await list(call, server: server)
        },
        .read("/v1/servers/{id}/actions/{action}") { call in
            try await one(call, try call.number("action"), server: try call.number())
        },
    ]

    private static func list(_ call: Reading, server: Int64?) async throws -> APIAnswer {
        let page = try call.query.page()
        let statuses = call.query.all("status")
        for status in statuses where !["running", "success", "error"].contains(status) {
            throw Refusal.invalid("status", "must be one of running, success, error")
        }
        let filter = ActionFilter(server: server, ids: try call.query.numbers("id"), statuses: statuses)
        let found = try await ActionReader(call.database).list(
            of: call.account, filter, sort: try call.query.sort(.id), page: page)
        return try APIAnswer(
            encoding: ActionList(actions: found.entries.map { Action($0) }, meta: Meta(page, total: found.total)))
    }

    private static func one(_ call: Reading, _ number: Int64, server: Int64?) async throws -> APIAnswer {
        guard let action = try await ActionReader(call.database).action(number, of: call.account, server: server) else {
            throw Refusal.notFound("the action")
        }
        return try APIAnswer(encoding: ActionAnswer(action: Action(action)))
    }
}
