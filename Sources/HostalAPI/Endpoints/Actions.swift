import HostalDatabase
import HostalWire

/// Actions: of the account, or of one of its servers or images.
extension Endpoint {
    static let actions: [Endpoint] = [
        .read("/v1/actions") { call in try await list(call, about: .anything) },
        .read("/v1/actions/{id}") { call in try await one(call, try call.number(), about: .anything) },
        .read("/v1/servers/actions") { call in try await list(call, about: .servers) },
        .read("/v1/servers/actions/{id}") { call in try await one(call, try call.number(), about: .servers) },
        .read("/v1/servers/{id}/actions") { call in
            let server = try call.number()
            guard try await ServerReader(call.database).server(server, of: call.account) != nil else {
                throw Refusal.notFound("the server")
            }
            return try await list(call, about: .server(server))
        },
        .read("/v1/servers/{id}/actions/{action}") { call in
            try await one(call, try call.number("action"), about: .server(try call.number()))
        },
        .read("/v1/images/actions") { call in try await list(call, about: .images) },
        .read("/v1/images/actions/{id}") { call in try await one(call, try call.number(), about: .images) },
        .read("/v1/images/{id}/actions") { call in
            let image = try await image(try call.number(), call.account, call.database)
            return try await list(call, about: .image(image.id))
        },
        .read("/v1/images/{id}/actions/{action}") { call in
            try await one(call, try call.number("action"), about: .image(try call.number()))
        },
    ]

    private static func list(_ call: Reading, about subject: ActionSubject) async throws -> APIAnswer {
        let page = try call.query.page()
        let statuses = call.query.all("status")
        for status in statuses where !["running", "success", "error"].contains(status) {
            throw Refusal.invalid("status", "must be one of running, success, error")
        }
        let filter = ActionFilter(subject, ids: try call.query.numbers("id"), statuses: statuses)
        let found = try await ActionReader(call.database).list(
            of: call.account, filter, sort: try call.query.sort(.id), page: page)
        return try APIAnswer(
            encoding: ActionList(actions: found.entries.map { Action($0) }, meta: Meta(page, total: found.total)))
    }

    private static func one(_ call: Reading, _ number: Int64, about subject: ActionSubject) async throws -> APIAnswer {
        guard let action = try await ActionReader(call.database).action(number, of: call.account, about: subject) else {
            throw Refusal.notFound("the action")
        }
        return try APIAnswer(encoding: ActionAnswer(action: Action(action)))
    }
}
