import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalWire

// What operators read. Unlike customers' views these name hosts, paths and what failed.

struct OperatorAccount: Encodable {
    var id: Int64
    var source: String
    var reference: String
    var servers: Int
    var created: Date

    init(_ account: AccountSummary) {
        (id, source, reference, servers, created) =
            (account.id, account.source, account.reference, account.servers, account.createdAt)
    }
}

struct OperatorToken: Encodable {
    var id: Int64
    var account: Int64
    var name: String
    var access: String
    var created: Date
    @Nullable var expires: Date?
    @Nullable var lastUsed: Date?
    @Nullable var revoked: Date?

    init(_ token: TokenSummary) {
        (id, account, name, access, created) = (token.id, token.account, token.name, token.access, token.createdAt)
        expires = token.expiresAt
        lastUsed = token.lastUsedAt
        revoked = token.revokedAt
    }
}

struct OperatorHost: Encodable {
    struct Room: Encodable {
        var total: Int
        var used: Int
    }
    var id: Int64
    var name: String
    var state: String
    var location: String
    var vcpus: Room
    var memoryMib: Room
    var diskGib: Room

    init(_ host: HostSummary) {
        (id, name, state, location) = (host.id.value, host.name, host.state, host.location)
        vcpus = Room(total: host.total.vcpus, used: host.used.vcpus)
        memoryMib = Room(total: host.total.memory.count, used: host.used.memory.count)
        diskGib = Room(total: host.total.disk.count, used: host.used.disk.count)
    }
}

struct OperatorNetwork: Encodable {
    var id: Int64
    var name: String
    var bridge: String
    var nameServers: [String]
    var hosts: [String]
    var ranges: [AddressRangeSummary]

    init(_ network: NetworkSummary) {
        (id, name, bridge, nameServers) = (network.id, network.name, network.bridge, network.nameServers)
        (hosts, ranges) = (network.hosts, network.ranges)
    }
}

struct OperatorImage: Encodable {
    var id: Int64
    var name: String
    /// SHA-256.
    var digest: String
    var format: String
    /// Bytes.
    var virtualSize: Int64
    var path: String

    init(_ image: HostalModel.Image) {
        (id, name, digest, format) = (image.id.value, image.name, image.digest.hex, image.format.rawValue)
        (virtualSize, path) = (image.virtualSize, image.location)
    }
}

struct OperatorPlan: Encodable {
    var id: Int64
    var name: String
    var description: String
    /// On sale.
    var active: Bool
    var vcpus: Int
    var memoryMib: Int
    var diskGib: Int
    var trafficGib: Int
    var portSpeedMbit: Int
    var priceMonthly: String
    var priceHourly: String

    init(_ record: PlanRecord) {
        let plan = record.plan
        (id, name, description, active) = (record.id, plan.name, plan.description, record.isActive)
        (vcpus, memoryMib, diskGib) = (plan.vcpus, plan.memory.count, plan.disk.count)
        (trafficGib, portSpeedMbit) = (plan.traffic.count, plan.portSpeed.count)
        (priceMonthly, priceHourly) = (plan.priceMonthly, plan.priceHourly)
    }
}

struct OperatorHold: Encodable {
    var server: Int64
    var serverName: String
    var account: Int64
    var reason: String
    var note: String
    var since: Date
    var by: String

    init(_ hold: HoldSummary) {
        (server, serverName, account) = (hold.server, hold.serverName, hold.account)
        (reason, note, since, by) = (hold.reason, hold.note, hold.since, hold.placedBy)
    }
}

struct OperatorOrder: Encodable {
    struct Step: Encodable {
        var name: String
        var title: String
        var state: String
        var started: Date
        @Nullable var finished: Date?
        @Nullable var error: String?
    }
    var id: Int64
    var source: String
    var reference: String
    var kind: String
    var state: String
    @Nullable var server: Int64?
    @Nullable var serverName: String?
    var progress: Int
    /// `forward` or `unwinding`; null for an order that was done when it was placed.
    @Nullable var direction: String?
    @Nullable var waitingFor: String?
    @Nullable var error: OrderTrouble?
    var addresses: [String]
    var created: Date
    @Nullable var finished: Date?
    var steps: [Step]

    init(_ order: OrderSummary) {
        (id, source, reference, kind) = (order.id.value, order.source, order.reference, order.kind)
        (state, progress, addresses, created) = (order.state, order.progress, order.addresses, order.createdAt)
        server = order.server?.value
        serverName = order.serverName
        direction = order.direction
        waitingFor = order.waitingFor
        error = order.errorCode.map { OrderTrouble(code: $0, message: order.errorMessage ?? "", detail: order.errorDetail) }
        finished = order.finishedAt
        steps = order.steps.map { step in
            Step(
                name: step.name, title: Workflow.titles[step.name] ?? step.name, state: step.state, started: step.startedAt,
                finished: step.finishedAt, error: step.error)
        }
    }
}

/// Why an order failed or is stuck, for operators.
struct OrderTrouble: Codable, Hashable, Sendable {
    var code: String
    var message: String
    @Nullable var detail: String?
}
