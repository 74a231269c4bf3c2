import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Whatever dies or stops meanwhile, the order ends right.
@Suite(.serialized) struct FaultTests {
    @Test func aWorkerThatWasStoppedBeyondItsLeaseWritesNothing() async throws {
        try await TestHost.with("stopped", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            let stopped = try await host.startWorker(faults: ["create-server/clone-volume/after-intent=stop"])
            let order = try await host.order("s")
            try await waitUntil("the worker stops") { stopped.isStopped }
            let heir = try await host.startWorker()
            #expect(try await host.finished(order).state == "succeeded")
            let before = try await trace(host)
            stopped.send(SIGCONT)
            // It notices at once that it could not renew its lease; exit code 75 asks its supervisor for a new worker.
            #expect(try await stopped.end(within: .seconds(20)) == .exit(75))
            #expect(try await trace(host) == before)
            #expect(await heir.isRunning)
        }
    }

    /// It may be half way through an effect: nobody else acts on the server before it has let go, and everybody can read why.
    @Test func aWorkerThatWasStoppedInsideTheFenceIsWaitedFor() async throws {
        try await TestHost.with("fenced", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            let stopped = try await host.startWorker(faults: ["create-server/clone-volume/inside-fence=stop"])
            let order = try await host.order("s")
            try await waitUntil("the worker stops") { stopped.isStopped }
            try await host.startWorker()
            let reader = OrderReader(database: await host.database)
            try await waitUntil("the heir says what it waits for") {
                try await reader.order(order)?.waitingFor == "an earlier attempt on this server to let go"
            }
            #expect(try await reader.order(order)?.steps.last?.name == "clone-volume")
            stopped.send(SIGCONT)
            #expect(try await stopped.end(within: .seconds(20)) == .exit(75))
            let end = try await host.finished(order)
            #expect(end.state == "succeeded", "\(end)")
        }
    }

    /// Everything that a late worker could have changed: row versions, files with their times, the domain's definition.
    private func trace(_ host: TestHost) async throws -> [String] {
        var found: [String] = try await host.database.query(
            """
            select 'job ' || xmin || ' ' || state from hostal.jobs union all
            select 'step ' || name || ' ' || xmin from hostal.job_steps union all
            select 'server ' || xmin from hostal.servers union all
            select 'address ' || ip || xmin from hostal.addresses union all
            select 'host ' || xmin from hostal.hosts order by 1
            """
        ).map { try $0.get(0) }
        found.append(
            try await host.machine.run(
                "sh", ["-c", "cd \(host.directory) && find volumes seeds images -printf '%p %i %s %C@\\n' | sort"]))
        found.append(try await host.machine.run("virsh", ["-q", "-c", "qemu:///system", "list", "--all"]))
        return found
    }

    @Test func postgresRestartedDuringACreate() async throws {
        let cluster = try await PostgresCluster(durable: true)
        try await TestHost.with("postgres", cluster: cluster) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            var worker = try await host.startWorker()
            for number in 1...4 {
                let order = try await host.order("s\(number)")
                try await cluster.restart(immediate: number % 2 == 0)
                try await waitUntil("order \(order) is over", within: .seconds(120)) {
                    // A worker that could not renew its leases ends, and its supervisor starts another.
                    if await !worker.isRunning { worker = try await host.startWorker() }
                    return try await Self.isOver(order, host)
                }
                let end = try await host.finished(order)
                #expect(end.state == "succeeded", "\(end)")
            }
            for number in 1...4 {
                let end = try await host.finished(try await host.orderDeletion(of: "s\(number)"))
                #expect(end.state == "succeeded", "\(end)")
            }
            let left = try await host.leftovers()
            #expect(left.isEmpty)
        }
        cluster.stop()
    }

    /// The test's own connection may be the one that the restart has ended.
    private static func isOver(_ order: OrderID, _ host: TestHost) async throws -> Bool {
        do {
            return try await OrderReader(database: host.database).order(order)?.isOver ?? false
        } catch let error as PostgresError where error.isRetriable {
            return false
        }
    }

    @Test func libvirtdRestartedDuringACreate() async throws {
        try await TestHost.with("libvirtd", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            try await host.startWorker(engine: ["attempts": "50"])
            for number in 1...3 {
                let order = try await host.order("s\(number)")
                try await host.machine.restartLibvirtd()
                #expect(try await host.finished(order).state == "succeeded")
            }
            for number in 1...3 {
                #expect(try await host.finished(try await host.orderDeletion(of: "s\(number)")).state == "succeeded")
            }
            #expect(try await host.leftovers() == [])
        }
    }

    /// More with HOSTAL_SOAK=200.
    private static let orders = getenv("HOSTAL_SOAK").flatMap { Int(String(cString: $0)) } ?? 24

    @Test(.timeLimit(.minutes(30))) func manyOrdersAndTwoWorkersThatKeepDying() async throws {
        try await TestHost.with("many", cluster: try await PostgresCluster.shared(), addresses: 240) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            var references: [String] = []
            for number in 1...Self.orders {
                let reference = "s\(number)"
                try await host.order(reference)
                references.append(reference)
            }
            let keep = ["concurrency": "4", "create_deadline_seconds": "1200", "attempts": "50"]
            var workers = [try await host.startWorker(engine: keep), try await host.startWorker(engine: keep)]
            // Random, and told, so that a run can be repeated.
            let seed = UInt64.random(in: 0 ..< .max)
            print("seed \(seed)")
            var random = SplitMix(state: seed)
            var kills = 0
            try await waitUntil("all servers run", within: .seconds(1_200)) {
                let done: Int =
                    try await host.database.query(
                        "select count(*) from hostal.orders where state = 'succeeded'"
                    ).first?.get(0) ?? 0
                if done < Self.orders, Int.random(in: 0..<60, using: &random) == 0, kills < Self.orders / 4 {
                    let index = Int.random(in: 0...1, using: &random)
                    await workers[index].kill9()
                    workers[index] = try await host.startWorker(engine: keep)
                    kills += 1
                }
                return done == Self.orders
            }
            print("\(Self.orders) orders, \(kills) kills")
            let twice = try await host.database.query(
                "select ip from hostal.addresses where state = 'assigned' group by ip having count(*) > 1")
            #expect(twice.isEmpty)
            let domains = try await host.machine.run("virsh", ["-q", "-c", "qemu:///system", "list", "--name"])
            #expect(domains.split(separator: "\n").filter { !$0.isEmpty }.count == Self.orders)
            for reference in references { try await host.orderDeletion(of: reference) }
            try await waitUntil("all servers are gone", within: .seconds(600)) { try await host.leftovers().isEmpty }
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
