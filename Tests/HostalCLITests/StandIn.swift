import FoundationEssentials
import HostalTestKit
import HostalWire
import Synchronization

/// An API with a small account, in bodies of `HostalWire`, so that it has the shape that the real one has.
final class StandIn: Sendable {
    private let account: StandInAccount
    private let server: AnswerServer

    static let token = "token-that-nobody-may-see-0123456789"

    init(_ change: (inout StandInAccount.State) -> Void = { _ in }) throws {
        var state = StandInAccount.State()
        change(&state)
        let account = StandInAccount(state)
        self.account = account
        server = try AnswerServer { account.answer($0) }
    }

    deinit { server.stop() }

    /// Changes what the account holds while a program runs.
    func change(_ change: @Sendable (inout StandInAccount.State) -> Void) { account.change(change) }

    var address: String { server.address }
    var requests: [AnswerServer.Request] { server.requests }
    var changes: [AnswerServer.Request] { server.requests.filter { $0.method != "GET" } }
}

/// What the account holds: servers 17 `web-1` and 18 `db-1`, plans 1 `small` and 2 `large`, images 5 `debian-12` and 7, made of
/// `web-1`, keys 3 `laptop` and 4 `3`.
final class StandInAccount: Sendable {
    struct State: Sendable {
        /// What an action is at each look; the last one stays.
        var looks = [StandInAccount.action("success", [("clone-volume", "done"), ("await-guest", "done")])]
        /// Answers that come first, to reads and changes alike.
        var first: [AnswerServer.Answer] = []
        /// Answers to changes that come before the usual one.
        var refusals: [AnswerServer.Answer] = []
        var rootPassword: String?
        var status = "running"
        var labels = ["env": "prod"]
        var hostKeys: [String] = []
        var snapshot = Image(
            id: 7, type: "snapshot", description: "before", imageSize: 1.234567, diskSize: 10, created: StandInAccount.created,
            createdFrom: ImageOrigin(id: 17, name: "web-1"), osFlavor: "unknown", labels: ["env": "prod"])
    }

    private let state: Mutex<State>

    init(_ state: State) { self.state = Mutex(state) }

    func change(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }

    static let created = Date(timeIntervalSince1970: 1_790_000_000)
    static let location = Location(
        id: 1, name: "fsn", description: "the first one", country: "DE", city: "F", networkZone: "default")

    static func plan(_ id: Int64, _ name: String, cores: Int) -> ServerType {
        let price = Price(net: "4.15", gross: "4.94")
        return ServerType(
            id: id, name: name, description: name, cores: cores, memory: Double(cores), disk: cores * 10,
            prices: [LocationPrice(location: "fsn", priceHourly: price, priceMonthly: price, pricePerTbTraffic: price)],
            includedTraffic: 0)
    }

    static let image = Image(
        id: 5, name: "debian-12", description: "Debian 12", diskSize: 3, created: created, osFlavor: "debian")

    static func key(_ id: Int64, _ name: String) -> SSHKey {
        SSHKey(id: id, name: name, fingerprint: "aa:bb", publicKey: "ssh-ed25519 AAAA \(name)", created: created)
    }

    static func action(
        _ status: String, _ steps: [(String, String)] = [], error: ActionError? = nil, waitingFor: String? = nil,
        progress: Int = 0, needsAttention: Bool = false
    ) -> Action {
        Action(
            id: 99, command: "create_server", status: status, progress: progress, started: created,
            resources: [ActionResource(id: 17, type: "server")], error: error,
            steps: steps.map { name, state in
                ActionStep(
                    name: name, title: name.split(separator: "-").joined(separator: " "), state: state, started: created,
                    finished: state == "done" ? created.addingTimeInterval(3) : nil)
            }, waitingFor: waitingFor, needsAttention: needsAttention)
    }

    private func server(_ id: Int64, _ name: String, _ state: State) -> Server {
        let datacenter = Datacenter(
            id: 1, name: "fsn", description: "", location: Self.location,
            serverTypes: DatacenterServerTypes(supported: [], available: [], availableForMigration: []))
        return Server(
            id: id, name: name, status: state.status,
            publicNet: PublicNet(
                ipv4: PublicIPv4(id: 1, ip: "192.0.2.\(id)", dnsPtr: ""), ipv6: PublicIPv6(id: 2, ip: "2001:db8::\(id)/128")),
            serverType: Self.plan(2, "large", cores: 2), datacenter: datacenter, location: Self.location, image: Self.image,
            protection: ServerProtection(delete: false, rebuild: true), labels: id == 17 ? state.labels : [:],
            primaryDiskSize: 20,
            created: Self.created, hostKeys: state.hostKeys)
    }

    func answer(_ request: AnswerServer.Request) -> AnswerServer.Answer {
        state.withLock { state in
            if !state.first.isEmpty { return state.first.removeFirst() }
            guard request.headers["authorization"] == "Bearer \(StandIn.token)" else {
                return Self.refusal(401, "unauthorized", "no such token")
            }
            return request.method == "GET" ? read(request, &state) : change(request, &state)
        }
    }

    private func read(_ request: AnswerServer.Request, _ state: inout State) -> AnswerServer.Answer {
        let meta = Meta(pagination: Pagination(page: 1, perPage: 50))
        let servers = [server(17, "web-1", state), server(18, "db-1", state)]
        let plans = [Self.plan(1, "small", cores: 1), Self.plan(2, "large", cores: 2)]
        let keys = [Self.key(3, "laptop"), Self.key(4, "3")]
        switch request.path {
        case "/v1/servers": return Self.json(ServerList(servers: servers, meta: meta))
        case "/v1/servers/17": return Self.json(ServerAnswer(server: servers[0]))
        case "/v1/servers/18": return Self.json(ServerAnswer(server: servers[1]))
        case "/v1/server_types": return Self.json(ServerTypeList(serverTypes: plans, meta: meta))
        case "/v1/server_types/1": return Self.json(ServerTypeAnswer(serverType: plans[0]))
        case "/v1/images":
            let asked = request.query.contains("type=snapshot") ? [state.snapshot] : [Self.image]
            return Self.json(ImageList(images: asked, meta: meta))
        case "/v1/images/5": return Self.json(ImageAnswer(image: Self.image))
        case "/v1/images/7": return Self.json(ImageAnswer(image: state.snapshot))
        case "/v1/locations": return Self.json(LocationList(locations: [Self.location], meta: meta))
        case "/v1/ssh_keys": return Self.json(SSHKeyList(sshKeys: keys, meta: meta))
        case "/v1/ssh_keys/3": return Self.json(SSHKeyAnswer(sshKey: keys[0]))
        case "/v1/ssh_keys/4": return Self.json(SSHKeyAnswer(sshKey: keys[1]))
        case "/v1/primary_ips": return Self.json(PrimaryIPList(primaryIps: [], meta: meta))
        case "/v1/actions", "/v1/servers/17/actions": return Self.json(ActionList(actions: [state.looks[0]], meta: meta))
        case "/v1/actions/99":
            return Self.json(ActionAnswer(action: state.looks.count > 1 ? state.looks.removeFirst() : state.looks[0]))
        default: return Self.refusal(404, "not_found", "there is nothing here")
        }
    }

    private func change(_ request: AnswerServer.Request, _ state: inout State) -> AnswerServer.Answer {
        guard request.headers["idempotency-key"] != nil else { return Self.refusal(400, "json_error", "a key is missing") }
        if !state.refusals.isEmpty { return state.refusals.removeFirst() }
        if request.query.contains("dry_run=true") {
            return Self.json(
                DryRunAnswer(
                    dryRun: DryRun(
                        steps: ["clone-volume", "await-guest"], downtime: "reinstall", irreversible: false, keeps: ["ssh_keys"])))
        }
        let action = Self.action("running", [("clone-volume", "running"), ("await-guest", "pending")])
        let password = state.rootPassword
        switch (request.method, request.path) {
        case ("POST", "/v1/servers"):
            return Self.json(
                ServerCreated(server: server(17, "web-1", state), action: action, rootPassword: password), status: 201)
        case ("PUT", "/v1/servers/17"):
            do {
                let body = try WireCoding.decoder().decode(UpdateNamed.self, from: Data(request.body.utf8))
                if let labels = body.labels { state.labels = labels }
            } catch { return Self.refusal(400, "json_error", "\(error)") }
            return Self.json(ServerAnswer(server: server(17, "web-1", state)))
        case ("POST", "/v1/servers/17/actions/create_image"):
            return Self.json(ImageCreated(image: state.snapshot, action: action), status: 201)
        case ("PUT", "/v1/images/7"):
            do {
                let body = try WireCoding.decoder().decode(UpdateImage.self, from: Data(request.body.utf8))
                if let labels = body.labels { state.snapshot.labels = labels }
                if let description = body.description { state.snapshot.description = description }
            } catch { return Self.refusal(400, "json_error", "\(error)") }
            return Self.json(ImageAnswer(image: state.snapshot))
        case ("DELETE", "/v1/images/7"): return AnswerServer.Answer(204, "")
        case ("POST", "/v1/ssh_keys"): return Self.json(SSHKeyAnswer(sshKey: Self.key(3, "laptop")), status: 201)
        case ("DELETE", "/v1/ssh_keys/3"): return AnswerServer.Answer(204, "")
        default: return Self.json(PasswordAnswer(action: action, rootPassword: password), status: 201)
        }
    }

    static func refusal(_ status: Int, _ code: String, _ message: String, field: String? = nil) -> AnswerServer.Answer {
        let details = field.map { ErrorDetails(fields: [FieldError(name: $0, messages: ["is not right"])]) }
        return json(ErrorBody(error: APIError(code: code, message: message, details: details)), status: status)
    }

    private static func json(_ body: some Encodable, status: Int = 200) -> AnswerServer.Answer {
        do {
            let text = String(decoding: try WireCoding.encoder().encode(body), as: UTF8.self)
            return AnswerServer.Answer(status, text, headers: ["X-Correlation-ID": "c0ffee"])
        } catch { return AnswerServer.Answer(500, "\(error)") }
    }
}
