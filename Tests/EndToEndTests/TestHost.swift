import FoundationEssentials
import HostalDatabase
import HostalModel
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
    private var standIn: Task<Void, any Error>?

    static let bridge = "br0"

    static var hostald: String { productsDirectory + "/hostald" }

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

    /// What the worker is told; `engine` lines come on top of short times that suit tests.
    func settings(engine: [String: String] = [:]) throws -> String {
        started += 1
        let times = [
            "lease_seconds": "2", "poll_seconds": "0.05", "back_off_seconds": "0.05", "back_off_limit_seconds": "0.2",
            "address_quarantine_seconds": "0", "create_deadline_seconds": "120",
        ].merging(engine) { $1 }
        let lines =
            [
                "host: test", "database: \"\(connection)\"", "state_directory: \(directory)", "run_directory: \(directory)/run",
                "plans: \(Self.repository)/plans", "cloud_init: \(Self.repository)/cloud-init",
                "libvirt: \"\(machine.libvirtURI)\"", "accelerator: tcg", "engine:",
            ] + times.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        let file = "\(directory)/hostald-\(started).yaml"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: file))
        return file
    }

    /// Starts a worker; its output is in `log(of:)`.
    @discardableResult
    func startWorker(
        faults: [String] = [], blankUndo: [String] = [], engine: [String: String] = [:]
    ) async throws -> ChildProcess {
        let file = try settings(engine: engine)
        let command = machine.commandInNetwork(Self.hostald, ["serve", "--config", file])
        let worker = try await ChildProcess.start(
            command.program, command.arguments,
            environment: ["HOSTAL_FAULTS": faults.joined(separator: ","), "HOSTAL_BLANK_UNDO": blankUndo.joined(separator: ",")],
            output: "\(directory)/worker-\(workers.count).log")
        workers.append(worker)
        return worker
    }

    func log(of worker: ChildProcess) throws -> String {
        guard let index = workers.firstIndex(where: { $0.pid == worker.pid }) else { return "" }
        return String(decoding: try Data(contentsOf: URL(filePath: "\(directory)/worker-\(index).log")), as: UTF8.self)
    }

    /// Ends every worker that still runs, without any goodbye.
    func killWorkers() async { for worker in workers { await worker.kill9() } }

    /// Reports in the place of guests that have no system to boot: one line into the channel's file for each guest that has one.
    func startStandIn() {
        guard standIn == nil else { return }
        standIn = Task {
            var reported: Set<String> = []
            while !Task.isCancelled {
                for (guest, order) in try await self.bootingGuests() where !reported.contains("\(guest)-\(order)") {
                    let file = "\(directory)/reports/\(guest).log"
                    guard let handle = fopen(file, "r+") else { continue }
                    fseek(handle, 0, SEEK_END)
                    fputs(
                        #"{"instance_id":"\#(guest)-\#(order)","boot_id":"b","status":"done","errors":[],"host_keys":["ssh-ed25519 AAAA"]}"#
                            + "\n",
                        handle)
                    fclose(handle)
                    reported.insert("\(guest)-\(order)")
                }
                try await Task.sleep(for: .milliseconds(30))
            }
        }
    }

    private func bootingGuests() async throws -> [(String, Int64)] {
        do {
            return try await database.query(
                """
                select s.guest::text, o.id from hostal.servers s join hostal.orders o on o.server_id = s.id and o.kind = 'create'
                 where s.state = 'creating'
                """
            ).map { (try $0.get(0), try $0.get(1)) }
        } catch let error as PostgresError where error.isConnectionLost {
            return []
        }
    }

    func down() async throws {
        standIn?.cancel()
        await killWorkers()
        await database.close()
        try await machine.down()
    }
}
