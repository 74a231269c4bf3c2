import HostalDatabase
import HostalWire

/// Addresses that the account's servers have, and what happened to the account.
extension Endpoint {
    static let primaryIPs: [Endpoint] = [
        .read("/v1/primary_ips") { call in
            let page = try call.query.page()
            let found = try await PrimaryIPReader(call.database).list(of: call.account, ip: call.query.text("ip"), page: page)
            return try APIAnswer(
                encoding: PrimaryIPList(primaryIps: found.entries.map { PrimaryIP($0) }, meta: Meta(page, total: found.total)))
        },
        .read("/v1/primary_ips/{id}") { call in
            guard let found = try await PrimaryIPReader(call.database).address(try call.number(), of: call.account) else {
                throw Refusal.notFound("the primary IP")
            }
            return try APIAnswer(encoding: PrimaryIPAnswer(primaryIp: PrimaryIP(found)))
        },
    ]

    static let events: [Endpoint] = [
        .read("/v1/events") { call in
            let after = try call.query.number("after") ?? 0
            let found = try await EventReader(call.database).list(of: call.account, after: after, limit: eventLimit)
            return try APIAnswer(
                encoding: EventList(
                    events: found.map {
                        Event(id: $0.id, type: $0.kind, serverId: $0.server, actionId: $0.order, created: $0.createdAt)
                    },
                    next: found.last?.id ?? after))
        }
    ]

    /// Of one answer.
    private static let eventLimit = 100
}
