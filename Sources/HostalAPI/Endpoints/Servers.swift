import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalWire

/// Servers, without what is done to one that is there.
extension Endpoint {
    static let servers: [Endpoint] = [
        .read("/v1/servers") { call in
            let page = try call.query.page()
            let statuses = call.query.all("status")
            for status in statuses where !ServerStatus.all.contains(status) {
                throw Refusal.invalid("status", "must be one of \(ServerStatus.all.joined(separator: ", "))")
            }
            let filter = ServerFilter(name: call.query.text("name"), statuses: statuses, labels: try call.query.labels())
            let found = try await ServerReader(call.database).list(
                of: call.account, filter, sort: try call.query.sort(.id), page: page)
            return try APIAnswer(
                encoding: ServerList(servers: found.entries.map { HostalWire.Server($0) }, meta: Meta(page, total: found.total)))
        },
        .read("/v1/servers/{id}") { call in
            try APIAnswer(encoding: ServerAnswer(server: try await found(try call.number(), call.account, call.database)))
        },
        .change("POST", "/v1/servers") { call in try await create(call) },
        .change("PUT", "/v1/servers/{id}") { call in
            let request = try call.decode(UpdateServer.self)
            let number = try call.number()
            if let name = request.name { try HostName.check(name) }
            switch try await AccountOrders(call.transaction).update(
                server: number, of: call.account, name: request.name, labels: request.labels, expecting: request.expectedLabels)
            {
            case .done: break
            case .absent: throw Refusal.notFound("the server")
            case .overtaken: throw Refusal.labelsChanged("server")
            }
            return try Change(200, ServerAnswer(server: try await found(number, call.account, call.transaction)))
        },
        .change("DELETE", "/v1/servers/{id}") { call in
            try await order(call, "delete", status: 200)
        },
    ]

    static func found(_ number: Int64, _ account: Int64, _ database: some Querying) async throws -> HostalWire.Server {
        guard let server = try await ServerReader(database).server(number, of: account) else {
            throw Refusal.notFound("the server")
        }
        return HostalWire.Server(server)
    }

    private static func create(_ call: Changing) async throws -> Change {
        let request = try call.decode(CreateServer.self)
        try refuseUnsupported(request)
        let location = try await chosenLocation(request, call)
        let keys = try await keys(request.sshKeys ?? [], call)
        let password = keys.isEmpty ? RootPassword.make() : nil
        let spec = try JSONText(
            encoding: OrderSpec(
                name: request.name, plan: try await Names.plan(request.serverType, call.transaction),
                image: try await Names.image(request.image, of: call.account, call.transaction), sshKeys: keys,
                labels: request.labels ?? [:],
                userData: request.userData.flatMap { $0.isEmpty ? nil : $0 }, passwordHash: try password.map(hashed),
                location: location))
        let orders = AccountOrders(call.transaction)
        let number = try await orders.place(of: call.account, kind: "create", spec: spec)
        let (server, workflow) = try await orders.subject(of: number)
        guard let server, let action = try await ActionReader(call.transaction).action(number, of: call.account) else {
            throw Refusal.failed
        }
        let body = ServerCreated(
            server: try await found(server, call.account, call.transaction), action: Action(action), rootPassword: password)
        var kept = body
        kept.rootPassword = nil
        return try Change(201, body, kept: kept, effect: Effects.of("create", steps: call.steps[workflow ?? ""] ?? []))
    }

    static func hashed(_ password: String) throws -> String {
        guard let hash = RootPassword.hash(password) else { throw Refusal.failed }
        return hash
    }

    private static func keys(_ asked: [NameOrNumber], _ call: Changing) async throws -> [String] {
        guard asked.count <= 32 else { throw Refusal.invalid("ssh_keys", "has \(asked.count) keys; at most 32 are accepted") }
        let store = SSHKeyStore(call.transaction)
        var keys: [String] = []
        for key in asked {
            let found: SSHKeyRecord?
            switch key {
            case .number(let number): found = try await store.key(number, of: call.account)
            case .name(let name): found = try await store.key(named: name, of: call.account)
            }
            guard let found else { throw Refusal.invalid("ssh_keys", "there is no SSH key '\(key.text)'") }
            if !keys.contains(found.publicKey) { keys.append(found.publicKey) }
        }
        return keys
    }

    /// What the API knows and we cannot do is refused, never left out.
    private static func refuseUnsupported(_ request: CreateServer) throws {
        if request.startAfterCreate == false {
            throw Refusal.unsupported("start_after_create", "only true is accepted: a server starts when it is created")
        }
        let lists: [(String, Bool)] = [
            ("volumes", request.volumes?.isEmpty ?? true), ("networks", request.networks?.isEmpty ?? true),
            ("firewalls", request.firewalls?.isEmpty ?? true), ("placement_group", request.placementGroup == nil),
        ]
        for (field, isEmpty) in lists where !isEmpty { throw Refusal.unsupported(field, "Hostal does not have these yet") }
        if let net = request.publicNet {
            if net.enableIpv4 == false || net.enableIpv6 == false || net.ipv4 != nil || net.ipv6 != nil {
                throw Refusal.unsupported("public_net", "every server has one IPv4 and one IPv6 address of our choice")
            }
        }
    }

    /// Where the server is to be, by name; nil for anywhere. Each location is its own one data centre.
    private static func chosenLocation(_ request: CreateServer, _ call: Changing) async throws -> String? {
        guard request.location != nil || request.datacenter != nil else { return nil }
        let locations = try await LocationStore(call.transaction).list()
        var chosen: LocationRecord?
        for (field, asked) in [("location", request.location), ("datacenter", request.datacenter)] {
            guard let asked else { continue }
            guard let found = locations.first(where: { asked == .number($0.id) || asked == .name($0.name) }) else {
                throw Refusal.invalid(field, "there is no \(field) '\(asked.text)'")
            }
            guard chosen == nil || chosen == found else { throw Refusal.invalid(field, "is in another location than 'location'") }
            chosen = found
        }
        return chosen?.name
    }
}

/// An order's document, with the names that docs/orders.md gives its fields. What is nil is left out.
struct OrderSpec: Encodable {
    var server: Int64?
    var name: String?
    var plan: String?
    var image: String?
    var sshKeys: [String]?
    var labels: [String: String]?
    var userData: String?
    var passwordHash: String?
    var upgradeDisk: Bool?
    var forceAfterSeconds: Int?
    var delete: Bool?
    var rebuild: Bool?
    var location: String?
    var description: String?

    private enum CodingKeys: String, CodingKey {
        case server, name, plan, image, labels, delete, rebuild, location, description
        case sshKeys = "ssh_keys"
        case userData = "user_data"
        case passwordHash = "password_hash"
        case upgradeDisk = "upgrade_disk"
        case forceAfterSeconds = "force_after_seconds"
    }
}

enum ServerStatus {
    static let all = ["initializing", "starting", "running", "stopping", "off", "deleting", "migrating", "rebuilding", "unknown"]
}

/// The rule that orders have for a server's name.
enum HostName {
    static func check(_ name: String) throws {
        guard name.utf8.count <= 63, name.wholeMatch(of: /[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?/) != nil else {
            throw Refusal.invalid(
                "name", "must be a host name: at most 63 letters, digits and hyphens, with a letter or digit at both ends")
        }
    }
}

/// Orders name plans and images; the API's clients may give numbers.
enum Names {
    static func plan(_ asked: NameOrNumber, _ database: some Querying) async throws -> String {
        switch asked {
        case .name(let name): return name
        case .number(let number):
            guard let plan = try await PlanReader(database).plan(number), plan.isActive else {
                throw Refusal.invalid("server_type", "there is no server type \(number)")
            }
            return plan.plan.name
        }
    }

    /// The provider's by name or number, the account's own by number. Another account's is answered as one that is not there.
    static func image(_ asked: NameOrNumber, of account: Int64, _ database: some Querying) async throws -> String {
        switch asked {
        case .name(let name): return name
        case .number(let number):
            guard let image = try await ImageReader(database).image(number, of: account) else {
                throw Refusal.invalid("image", "there is no image \(number)")
            }
            guard image.isActive else {
                throw Refusal.invalid("image", image.isOwn ? "image \(number) is not made yet" : "there is no image \(number)")
            }
            return image.isOwn ? String(number) : image.name
        }
    }
}
