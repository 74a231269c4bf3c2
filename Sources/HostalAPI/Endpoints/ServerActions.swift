import HostalDatabase
import HostalProvisioning
import HostalWire

/// What is done to a server that is there. Each is an order; its number is the action's.
extension Endpoint {
    static let serverActions: [Endpoint] = [
        .change("POST", "/v1/servers/{id}/actions/poweron") { try await order($0, "poweron") },
        .change("POST", "/v1/servers/{id}/actions/poweroff") { try await order($0, "poweroff") },
        .change("POST", "/v1/servers/{id}/actions/reboot") { try await order($0, "reboot") },
        .change("POST", "/v1/servers/{id}/actions/reset") { try await order($0, "reset") },
        .change("POST", "/v1/servers/{id}/actions/undo") { try await order($0, "undo") },
        .change("POST", "/v1/servers/{id}/actions/shutdown") { call in
            let request = try call.decode(Shutdown.self)
            return try await order(call, "shutdown", OrderSpec(forceAfterSeconds: request.forceAfterSeconds))
        },
        .change("POST", "/v1/servers/{id}/actions/change_type") { call in
            let request = try call.decode(ChangeType.self)
            let plan = try await Names.plan(request.serverType, call.transaction)
            return try await order(call, "resize", OrderSpec(plan: plan, upgradeDisk: request.upgradeDisk ?? false))
        },
        .change("POST", "/v1/servers/{id}/actions/change_protection") { call in
            let request = try call.decode(ChangeProtection.self)
            return try await order(call, "change_protection", OrderSpec(delete: request.delete, rebuild: request.rebuild))
        },
        .change("POST", "/v1/servers/{id}/actions/reset_password") { call in
            let password = RootPassword.make()
            return try await order(call, "reset_password", OrderSpec(passwordHash: try hashed(password)), password: password)
        },
        .change("POST", "/v1/servers/{id}/actions/rebuild") { call in
            let request = try call.decode(Rebuild.self)
            let server = try await existing(call)
            let password = server.hasKeys ? nil : RootPassword.make()
            let spec = RebuildSpec(
                server: server.id, image: try await Names.image(request.image, of: call.account, call.transaction),
                passwordHash: try password.map(hashed), userData: request.userData)
            return try await place(call, "reinstall", try JSONText(encoding: spec), password: password, mayHavePassword: true) {
                $0.keeps =
                    ["addresses", "earlier_disk", "labels", "name", "ssh_keys"] + (request.userData == .keep ? ["user_data"] : [])
            }
        },
    ]

    /// A server of the account's; another's is not found.
    static func existing(_ call: Changing) async throws -> ServerRecord {
        guard let server = try await ServerReader(call.transaction).server(try call.number(), of: call.account) else {
            throw Refusal.notFound("the server")
        }
        return server
    }

    static func order(
        _ call: Changing, _ kind: String, _ spec: OrderSpec = OrderSpec(), password: String? = nil, status: Int = 201
    ) async throws -> Change {
        var spec = spec
        spec.server = try await existing(call).id
        return try await place(
            call, kind, try JSONText(encoding: spec), password: password, mayHavePassword: password != nil, status: status
        ) {
            if kind == "resize" {
                $0.irreversible = spec.upgradeDisk == true
                if spec.upgradeDisk != true { $0.keeps.append("disk") }
            }
        }
    }

    private static func place(
        _ call: Changing, _ kind: String, _ spec: JSONText, password: String?, mayHavePassword: Bool, status: Int = 201,
        _ adjust: (inout DryRun) -> Void
    ) async throws -> Change {
        let orders = AccountOrders(call.transaction)
        let number = try await orders.place(of: call.account, kind: kind, spec: spec)
        guard let action = try await ActionReader(call.transaction).action(number, of: call.account) else { throw Refusal.failed }
        let workflow = try await orders.subject(of: number).workflow
        var effect = Effects.of(kind, steps: call.steps[workflow ?? ""] ?? [])
        if kind == "resize" { effect.downtime = try await orders.resizeDowntime(of: number) }
        adjust(&effect)
        guard mayHavePassword else { return try Change(status, ActionAnswer(action: Action(action)), effect: effect) }
        return try Change(
            status, PasswordAnswer(action: Action(action), rootPassword: password),
            kept: PasswordAnswer(action: Action(action), rootPassword: nil), effect: effect)
    }
}

/// A reinstallation's document: user-data that is absent stays, null takes it away.
private struct RebuildSpec: Encodable {
    var server: Int64
    var image: String
    var passwordHash: String?
    var userData: UserDataChoice

    private enum CodingKeys: String, CodingKey {
        case server, image
        case passwordHash = "password_hash"
        case userData = "user_data"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(server, forKey: .server)
        try container.encode(image, forKey: .image)
        try container.encodeIfPresent(passwordHash, forKey: .passwordHash)
        switch userData {
        case .keep: break
        case .drop: try container.encodeNil(forKey: .userData)
        case .replace(let text): try container.encode(text, forKey: .userData)
        }
    }
}

/// What each kind of order does to a server, for dry runs.
enum Effects {
    private static let all = ["addresses", "disk", "labels", "name", "ssh_keys", "user_data"]

    static func of(_ kind: String, steps: [String]) -> DryRun {
        switch kind {
        case "create": DryRun(steps: steps, downtime: "none", irreversible: false, keeps: [])
        case "delete": DryRun(steps: steps, downtime: "none", irreversible: true, keeps: [])
        case "reinstall", "undo":
            DryRun(
                steps: steps, downtime: "reinstall", irreversible: false,
                keeps: ["addresses", "earlier_disk", "labels", "name", "ssh_keys"])
        case "resize":
            DryRun(
                steps: steps, downtime: "reboot", irreversible: false,
                keeps: ["addresses", "labels", "name", "ssh_keys", "user_data"])
        case "reboot", "reset", "shutdown", "poweroff": DryRun(steps: steps, downtime: "reboot", irreversible: false, keeps: all)
        default: DryRun(steps: steps, downtime: "none", irreversible: false, keeps: all)
        }
    }
}
