import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit

/// A whole Hostal on a disposable KVM host: a database of its own, hostald processes, and what is left on the host as a list.
actor TestHost {
    nonisolated let machine: DisposableHost
    nonisolated let cluster: PostgresCluster
    nonisolated let directory: String
    private(set) var connection = ""
    private(set) var database: Database
    private var workers: [ChildProcess] = []
    private var started = 0
    private var plans: [Plan] = []
    private var standIn: Task<Void, any Error>?

    static let bridge = "br0"

    static var hostald: String { productsDirectory + "/hostald" }
    static var hostalctl: String { productsDirectory + "/hostalctl" }

    private static let productsDirectory: String = {
        // The test bundle lies beside the programs.
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        if path.hasSuffix(".xctest") { return URL(filePath: path).deletingLastPathComponent().path() }
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/debug")
        return root.standardized.path()
    }()

    static var repository: String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized.path()
    }

    /// `cluster`: the shared one, or one of a test's own that it may restart.
    static func up(name: String, cluster: PostgresCluster, addresses: Int = 50) async throws -> TestHost {
        let machine = try await DisposableHost.up(name: name)
        do {
            let host = try await TestHost(machine: machine, cluster: cluster)
            try await host.reset(addresses: addresses)
            return host
        } catch {
            try await machine.down()
            throw error
        }
    }

    /// A disk that halts as soon as it is booted, for guests that need no system. Imported once for each database.
    func importHaltedImage(name: String = "halted", digest wrong: String? = nil) async throws {
        // cli; hlt; jump back to the hlt.
        try await importImage(of: [0xFA, 0xF4, 0xEB, 0xFD], file: "halted", name: name, digest: wrong)
    }

    /// A disk whose boot sector is `code`.
    func importImage(of code: [UInt8], file called: String, name: String, digest wrong: String? = nil) async throws {
        let raw = "\(directory)/\(called).raw"
        let file = "\(directory)/\(called).qcow2"
        if !FileManager.default.fileExists(atPath: file) {
            var sector = [UInt8](repeating: 0, count: 1 << 20)
            sector.replaceSubrange(0..<code.count, with: code)
            sector[510] = 0x55
            sector[511] = 0xAA
            try Data(sector).write(to: URL(filePath: raw))
            _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, file]).run()
        }
        try await register(name: name, file: file, virtualSize: 1 << 20, digest: wrong)
    }

    /// Offers a qcow2 file to orders, under its own digest or a wrong one.
    func register(name: String, file: String, virtualSize: Int64, digest wrong: String? = nil) async throws {
        var sum = Digesting(.sha256)
        Array(try Data(contentsOf: URL(filePath: file))).withUnsafeBytes { sum.update($0) }
        guard let digest = Digest(hex: wrong ?? sum.hexadecimal()) else { return }
        try await ImageCatalog(database: database).register(
            name: name, image: StoredImage(digest: digest, path: file, format: .qcow2, virtualSize: virtualSize))
    }

    /// Places a create order through SQL and returns its number.
    @discardableResult
    func order(
        _ reference: String, name: String? = nil, image: String = "halted", plan: String = "small",
        extra: [String: JSONText] = [:]
    ) async throws -> OrderID {
        var fields = [
            "account": try JSONText(encoding: "a"), "name": try JSONText(encoding: name ?? reference),
            "plan": try JSONText(encoding: plan), "image": try JSONText(encoding: image),
        ]
        fields.merge(extra) { $1 }
        return try await place(reference, "create", fields)
    }

    @discardableResult
    func orderDeletion(of reference: String) async throws -> OrderID {
        try await place("\(reference)-end", "delete", ["service": try JSONText(encoding: reference)])
    }

    /// Places an order for the server that `reference` has created.
    @discardableResult
    func order(_ kind: String, _ number: Int, for reference: String, _ fields: [String: JSONText] = [:]) async throws -> OrderID {
        try await place(
            "\(reference)-\(kind)-\(number)", kind, fields.merging(["service": try JSONText(encoding: reference)]) { $1 })
    }

    private func place(_ reference: String, _ kind: String, _ fields: [String: JSONText]) async throws -> OrderID {
        let spec = "{" + fields.map { "\"\($0.key)\": \($0.value.text)" }.joined(separator: ", ") + "}"
        let rows = try await database.query("select hostal.place_order('tests', \(reference), \(kind), \(JSONText(text: spec)))")
        guard let row = rows.first else { throw NotInTime(what: "an order is placed", limit: .zero) }
        return try row.get(0)
    }

    /// The order once it is over.
    func finished(_ order: OrderID, within limit: Duration = .seconds(60)) async throws -> OrderSummary {
        let reader = OrderReader(database: database)
        do {
            try await waitUntil("order \(order) is over", within: limit) { try await reader.order(order)?.isOver ?? false }
        } catch let error as NotInTime {
            let now = try await reader.order(order)
            throw NotInTime(what: "\(error.what): \(String(describing: now))", limit: error.limit)
        }
        guard let summary = try await reader.order(order) else { throw NotInTime(what: "order \(order)", limit: .zero) }
        return summary
    }

    /// Everything of any server that is on the host or held in the database: empty when nothing is.
    func leftovers() async throws -> [String] {
        var found: [String] = []
        let domains = try await machine.run("virsh", ["-q", "-c", "qemu:///system", "list", "--all", "--name"])
        found += domains.split(separator: "\n").filter { !$0.isEmpty }.map { "domain \($0)" }
        // Ceph's are the pool's and stay.
        let secrets = try await machine.run("virsh", ["-q", "-c", "qemu:///system", "secret-list"])
        found += secrets.split(separator: "\n").filter { $0.contains("iscsi") }.map { "secret \($0)" }
        let links = try await machine.run("ip", ["-o", "link", "show"])
        found += links.split(separator: "\n").filter { $0.contains(": vps-") }.map { "link \($0.prefix(40))" }
        let rules = try await machine.run("nft", ["list", "ruleset"])
        found += rules.matches(of: /"vps-[0-9]+"/).map { "firewall entry \($0.output)" }
        let processes = try await machine.run("sh", ["-c", "pgrep -a qemu-system || true"])
        found += processes.split(separator: "\n").map { "process \($0.prefix(60))" }
        for place in ["volumes", "seeds", "reports"] {
            let path = "\(directory)/\(place)"
            guard FileManager.default.fileExists(atPath: path) else { continue }
            found += try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != ".hostal-pool" }.map {
                "\(place)/\($0)"
            }
        }
        let images = try await database.query("select location from hostal.images where active").map {
            try $0.get(0, as: String.self)
        }
        found += ((try? FileManager.default.contentsOfDirectory(atPath: "\(directory)/library")) ?? [])
            .filter { $0 != ".hostal-pool" && !images.contains("\(directory)/library/\($0)") }.map { "library/\($0)" }
        found += try await database.query(
            """
            select 'room of server ' || server_id from hostal.allocations
            union all select 'address ' || host(ip) from hostal.addresses where state = 'assigned'
            union all select 'server ' || id || ' ' || state from hostal.servers where state <> 'deleted'
            union all select 'job ' || id || ' ' || state from hostal.jobs where state in ('open', 'queued', 'stuck')
            union all select 'user-data of ' || server_id from hostal.server_user_data
            union all select 'secrets of order ' || order_id from hostal.order_secrets
            union all select 'volume ' || generation || ' of server ' || server_id from hostal.volumes
            union all select 'image ' || id || ' is being made' from hostal.images where digest is null and deleted_at is null
            union all select 'host ' || name || ' counts wrong' from hostal.hosts h
                where used_vcpus <> (select coalesce(sum(vcpus), 0) from hostal.allocations a where a.host_id = h.id)
                   or used_memory_mib <> (select coalesce(sum(memory_mib), 0) from hostal.allocations a where a.host_id = h.id)
            union all select 'account ' || id || ' counts wrong' from hostal.accounts a
                where servers <> (select count(*) from hostal.servers s where s.account_id = a.id and s.state <> 'deleted')
            union all select 'pool ' || name || ' counts wrong' from hostal.pools p
                where used_gib <> (select coalesce(sum(disk_gib), 0) from hostal.allocations a where a.pool_id = p.id)
            """
        ).map { try $0.get(0) }
        return found
    }

    /// Brings a host up for `body` and takes it down whatever happens.
    static func with(
        _ name: String, cluster: PostgresCluster, addresses: Int = 50, _ body: (TestHost) async throws -> Void
    ) async throws {
        let host = try await up(name: name, cluster: cluster, addresses: addresses)
        do {
            try await body(host)
        } catch {
            try await host.down()
            throw error
        }
        try await host.down()
    }

    private init(machine: DisposableHost, cluster: PostgresCluster) async throws {
        self.machine = machine
        self.cluster = cluster
        directory = machine.directory + "/hostal"
        database = Database(
            DatabaseSettings(
                connection: "", applicationName: "tests", connectTimeout: .seconds(5), statementTimeout: .seconds(30)))
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
    }

    /// A fresh database with this host, a network and the plans, on the same machine.
    func reset(addresses: Int = 50, vcpus: Int = 1_000) async throws {
        await database.close()
        connection = try await cluster.makeDatabase()
        database = Database(
            DatabaseSettings(
                connection: connection, applicationName: "tests", connectTimeout: .seconds(5), statementTimeout: .seconds(30)))
        plans = [Samples.plan]
        try writePlan(Samples.plan)
        try await PlanCatalog(database: database).apply(plans)
        let hosts = HostCatalog(database: database)
        let host = try await hosts.put(
            name: "test", totals: HostTotals(vcpus: vcpus, memory: Mebibytes(1_000_000), disk: Gibibytes(100_000)))
        try await hosts.putNetwork(name: "public", bridge: Self.bridge, nameServers: ["203.0.113.1"], on: host)
        _ = try await hosts.addRange(
            network: "public", subnet: "203.0.113.0/24", gateway: "203.0.113.1", first: "203.0.113.10",
            last: "203.0.113.\(9 + addresses)")
        _ = try await hosts.addRange(
            network: "public", subnet: "2001:db8::/64", gateway: "2001:db8::1", first: "2001:db8::10",
            last: "2001:db8::\(String(15 + addresses, radix: 16))")
    }

    /// A plan that suits guests without a system.
    private func writePlan(_ plan: Plan) throws {
        let text = """
            name: \(plan.name)
            vcpus: \(plan.vcpus)
            memory_mib: \(plan.memory.count)
            disk_gib: \(plan.disk.count)
            traffic_gib: \(plan.traffic.count)
            port_speed_mbit: \(plan.portSpeed.count)
            storage: \(plan.storage)
            """
        try FileManager.default.createDirectory(atPath: "\(directory)/plans", withIntermediateDirectories: true)
        try Data((text + "\n").utf8).write(to: URL(filePath: "\(directory)/plans/\(plan.name).yaml"))
    }

    /// One more plan, for orders and for workers that start from now on.
    func add(_ plan: Plan) async throws {
        try writePlan(plan)
        plans.append(plan)
        try await PlanCatalog(database: database).apply(plans)
    }

    /// One more pool that this host reaches, as an operator adds it.
    func addPool(_ name: String, kind: String, storage: String, settings: [String]) async throws {
        _ = try await Command(
            Self.hostalctl,
            ["pool", "add", name, "--kind", kind, "--class", storage, "--capacity-gib", "100", "--host", "test"]
                + settings.flatMap { ["--set", $0] } + ["--database", connection]
        ).run()
    }

    /// Whether disks that workers make from now on are of those that are flattened while guests run. Only workers that start later know.
    func makeDisksToFlatten(_ isSo: Bool) async throws {
        _ = try await database.query(
            """
            update hostal.pools set settings = case when \(isSo) then settings || '{"cloning": "flattened"}' else settings - 'cloning' end
             where kind in ('local', 'nfs')
            """)
    }

    /// Of the one server.
    func power() async throws -> String? {
        try await database.query("select power from hostal.servers").first?.get(0)
    }

    /// What the worker is told; `engine` lines come on top of short times that suit tests.
    func settings(engine: [String: String] = [:]) throws -> String {
        started += 1
        let times = [
            "lease_seconds": "2", "poll_seconds": "0.05", "back_off_seconds": "0.05", "back_off_limit_seconds": "0.2",
            "address_quarantine_seconds": "0", "create_deadline_seconds": "120", "reboot_patience_seconds": "0.2",
            "agent_patience_seconds": "0.2",
            "power_interval_seconds": "1", "purge_interval_seconds": "3600",
            "deleted_keep_window_seconds": "0",
        ].merging(engine) { $1 }
        let lines =
            [
                "host: test", "database: \"\(connection)\"", "state_directory: \(directory)", "run_directory: \(directory)/run",
                "plans: \(directory)/plans", "cloud_init: \(Self.repository)/cloud-init",
                "libvirt: \"\(machine.libvirtURI)\"", "accelerator: tcg", "live_growth_memory_from_mib: 0",
                "engine:",
            ] + times.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        let file = "\(directory)/hostald-\(started).yaml"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
        return file
    }

    /// Starts a worker; its output is in `log(of:)`. Programs in `tools`, a directory, come before the system's.
    @discardableResult
    func startWorker(
        faults: [String] = [], blankUndo: [String] = [], engine: [String: String] = [:], initialising: Bool = true,
        tools: String? = nil
    ) async throws -> ChildProcess {
        let file = try settings(engine: engine)
        // Once for each host: both are what it makes.
        if initialising,
            !["images", "volumes/.hostal-pool"].allSatisfy({ FileManager.default.fileExists(atPath: "\(directory)/\($0)") })
        {
            _ = try await Command(Self.hostald, ["init", "--config", file]).run()
        }
        let command = machine.commandInNetwork(Self.hostald, ["serve", "--config", file])
        var environment = [
            "HOSTAL_FAULTS": faults.joined(separator: ","), "HOSTAL_BLANK_UNDO": blankUndo.joined(separator: ","),
        ]
        if let tools, let path = getenv("PATH") { environment["PATH"] = "\(tools):\(String(cString: path))" }
        let worker = try await ChildProcess.start(
            command.program, command.arguments, environment: environment,
            output: "\(directory)/worker-\(workers.count).log")
        workers.append(worker)
        return worker
    }

    func log(of worker: ChildProcess) throws -> String {
        // By identity: a long run sees process numbers again.
        guard let index = workers.firstIndex(where: { $0 === worker }) else { return "" }
        return String(decoding: try Data(contentsOf: URL(filePath: "\(directory)/worker-\(index).log")), as: UTF8.self)
    }

    /// Ends every worker that still runs, without any goodbye.
    func killWorkers() async { for worker in workers { await worker.kill9() } }

    /// Reports in the place of guests that have no system to boot.
    func startStandIn() {
        guard standIn == nil else { return }
        let reporter = StandIn(directory: directory)
        standIn = Task { try await reporter.run() }
    }

    /// What can be told of a worker that does not come to an end: its log, its threads and libvirt's, its jobs and their steps.
    func account(of worker: ChildProcess) async -> String {
        do {
            let threads = try await Command(
                "sh", ["-c", "for t in /proc/\(worker.pid)/task/*; do echo \"$(cat $t/comm) $(cat $t/wchan)\"; done; uptime"]
            ).run()
            let libvirt = try await machine.run(
                "sh", ["-c", "virsh -q -c qemu:///system list --all; ps -eo pid,stat,wchan,args"])
            let jobs = try await database.query(
                """
                select j.id || ' ' || j.workflow || ' ' || j.state || ' ' || j.direction || ' lease ' || coalesce(j.lease_until - now(), '0')
                       || ' due ' || (j.run_at - now()) || ' ' || coalesce(t.name || ' ' || t.state || ' ' || coalesce(t.error::text, ''), '')
                  from hostal.jobs j left join hostal.job_steps t on t.job_id = j.id and t.state <> 'done' where j.state = 'open'
                """
            ).map { try $0.get(0, as: String.self) }
            return ([try log(of: worker), threads, libvirt] + jobs).joined(separator: "\n")
        } catch {
            return "nothing can be told: \(error)"
        }
    }

    func down() async throws {
        standIn?.cancel()
        await killWorkers()
        await database.close()
        try await machine.down()
    }
}
