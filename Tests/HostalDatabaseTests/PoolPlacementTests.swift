import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Which host and which pool a server gets, on the real tables.
@Suite struct PoolPlacementTests {
    /// Hosts `a` and `b` with 40 vCPUs and 100 GiB of their own each, and a pool `shared` of class `fast` that only those named reach.
    private struct Site {
        let database: Database
        let pools: PoolCatalog
        let journal: JobStore

        static func with(fast reachedBy: [String], gib: Int = 5, _ body: (Site) async throws -> Void) async throws {
            try await withDatabase(connections: 8) { database in
                var fast = Samples.plan
                fast.name = "fast"
                fast.storage = "fast"
                try await PlanCatalog(database: database).apply([Samples.plan, fast])
                let image = try Samples.server().image
                try await ImageCatalog(database: database).register(
                    name: image.name,
                    image: StoredImage(
                        digest: image.digest, path: image.location, format: image.format, virtualSize: image.virtualSize))
                let hosts = HostCatalog(database: database)
                for name in ["a", "b"] {
                    let host = try await hosts.put(
                        name: name, totals: HostTotals(vcpus: 40, memory: Mebibytes(100_000), disk: Gibibytes(100)))
                    try await hosts.putNetwork(name: "public", bridge: "br0", nameServers: [], on: host)
                }
                let pools = PoolCatalog(database: database)
                try await pools.put(
                    Pool(name: PoolName("shared"), kind: .rbd, storageClass: "fast", settings: "{}"),
                    capacity: Gibibytes(gib), overCommit: 1, hosts: reachedBy)
                let journal = JobStore(database: database, host: HostID(1), owner: "test", settings: EngineSettings())
                try await body(Site(database: database, pools: pools, journal: journal))
            }
        }

        func order(_ name: String, plan: String) async throws -> Job {
            _ = try await database.query(
                """
                select hostal.place_order('whmcs', \(name), 'create',
                    jsonb_build_object('account', 'a', 'name', \(name)::text, 'plan', \(plan)::text, 'image', 'tiny'))
                """)
            return try #require(try await journal.claim(limit: 1).first).job
        }

        func place(_ job: Job) async throws -> Placement {
            try await CapacityStore(database: database).reserve(for: job.server.id, plan: job.server.plan, lease: job.lease)
        }

        func used() async throws -> [String] {
            try await pools.list().map { "\($0.pool.name) \($0.used.count)" }
        }
    }

    @Test func aPlansStorageClassDecidesThePoolAndSoTheHost() async throws {
        try await Site.with(fast: ["b"]) { site in
            let host: Int64 = try await site.database.only("select id from hostal.hosts where name = 'b'")
            let job = try await site.order("web", plan: "fast")
            let placement = try await site.place(job)
            #expect(placement == Placement(host: HostID(host), pool: PoolName("shared")))
            #expect(try await site.place(job) == placement)
            #expect(try await site.used() == ["local-a 0", "local-b 0", "shared 1"])
            try await CapacityStore(database: site.database).reserve(
                Room(disk: Gibibytes(2)), as: .growth, for: job.server.id, on: placement.host, lease: job.lease)
            #expect(try await site.used() == ["local-a 0", "local-b 0", "shared 3"])
            try await CapacityStore(database: site.database).release(for: job.server.id, lease: job.lease)
            #expect(try await site.used() == ["local-a 0", "local-b 0", "shared 0"])
        }
    }

    @Test func aPoolThatIsDrainedFullOrOutOfReachTakesNoServer() async throws {
        try await Site.with(fast: ["a", "b"], gib: 1) { site in
            _ = try await site.place(try await site.order("one", plan: "fast"))
            let full = await #expect(throws: Failure.self) {
                _ = try await site.place(try await site.order("two", plan: "fast"))
            }
            #expect(full?.code == .resourceUnavailable && full?.message.contains("1 GiB of fast disk") == true)
            // Local disks are another class.
            #expect(try await site.place(try await site.order("three", plan: "small")).pool.text.hasPrefix("local-"))
            for name in ["local-a", "local-b"] { #expect(try await site.pools.setAccepting(false, PoolName(name))) }
            let drained = await #expect(throws: Failure.self) {
                _ = try await site.place(try await site.order("four", plan: "small"))
            }
            #expect(drained?.code == .resourceUnavailable)
        }
    }

    /// Two hosts and one shared pool: whoever comes last finds it full, and nobody waits for anybody crosswise.
    @Test func thirtyPlacementsAndReleasesAtOnceNeverOversellAPool() async throws {
        try await Site.with(fast: ["a", "b"], gib: 12) { site in
            var jobs: [Job] = []
            for number in 1...30 { jobs.append(try await site.order("s\(number)", plan: "fast")) }
            let capacity = CapacityStore(database: site.database)
            let placed = try await withThrowingTaskGroup(of: Bool.self) { group in
                for (number, job) in jobs.enumerated() {
                    group.addTask {
                        do { _ = try await site.place(job) } catch let failure as Failure
                            where failure.code == .resourceUnavailable
                        {
                            return false
                        }
                        // Every third gives its room back at once.
                        if number % 3 == 0 { try await capacity.release(for: job.server.id, lease: job.lease) }
                        return number % 3 != 0
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(placed > 0 && placed <= 12)
            #expect(try await site.used() == ["local-a 0", "local-b 0", "shared \(placed)"])
        }
    }

    @Test func aPoolKeepsItsKindAndNeverShrinksBelowWhatIsSold() async throws {
        try await Site.with(fast: ["a"]) { site in
            _ = try await site.place(try await site.order("one", plan: "fast"))
            await #expect(throws: PoolProblem.self) {
                try await site.pools.put(
                    Pool(name: PoolName("shared"), kind: .nfs, storageClass: "fast", settings: "{}"), capacity: Gibibytes(5),
                    overCommit: 1, hosts: [])
            }
            await #expect(throws: PoolProblem.self) {
                try await site.pools.put(
                    Pool(name: PoolName("new"), kind: .nfs, storageClass: "fast", settings: "{}"), capacity: Gibibytes(5),
                    overCommit: 1, hosts: ["nowhere"])
            }
            #expect(try await site.pools.list().map(\.pool.name.text) == ["local-a", "local-b", "shared"])
            try await expectError("23514") {
                try await site.pools.put(
                    Pool(name: PoolName("shared"), kind: .rbd, storageClass: "fast", settings: "{}"), capacity: Gibibytes(0),
                    overCommit: 1, hosts: [])
            }
        }
    }

    @Test func aResizeToAnotherStorageClassIsRefused() async throws {
        try await Site.with(fast: ["a"]) { site in
            let job = try await site.order("web", plan: "small")
            _ = try await site.database.query("update hostal.servers set state = 'running' where id = \(job.server.id)")
            _ = try await site.database.query("update hostal.jobs set state = 'succeeded'")
            let refusal = try await errorOf {
                try await site.database.query(
                    "select hostal.place_order('whmcs', 'r', 'resize', jsonb_build_object('service', 'web', 'plan', 'fast'))")
            }
            #expect(refusal.sqlState == "HO001" && refusal.message.contains(#"class "fast""#), "\(refusal)")
        }
    }
}
