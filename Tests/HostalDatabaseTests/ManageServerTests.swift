import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// What orders for a running server do to the database, from the order to its last record, on a real PostgreSQL and without a host.
@Suite struct ManageServerTests {
    /// A database with one host, one image more, and one server that runs.
    struct Shop: Sendable {
        let database: Database
        let host: HostID
        let journal: JobStore
        let capacity: CapacityStore

        static func with(_ body: (Shop) async throws -> Void) async throws {
            try await withDatabase(connections: 8) { database in
                try await PlanCatalog(database: database).apply([Samples.plan, larger])
                let image = try Samples.server().image
                for (name, digit) in [("tiny", "a"), ("other", "b")] {
                    let digest = try #require(Digest(hex: String(repeating: digit, count: 64)))
                    try await ImageCatalog(database: database).register(
                        name: name,
                        image: StoredImage(
                            digest: digest, path: image.location, format: image.format, virtualSize: image.virtualSize))
                }
                let hosts = HostCatalog(database: database)
                let host = try await hosts.put(
                    name: "test", totals: HostTotals(vcpus: 4, memory: Mebibytes(1_024), disk: Gibibytes(10)))
                try await hosts.putNetwork(name: "public", bridge: "br0", nameServers: [], on: host)
                let shop = Shop(
                    database: database, host: host,
                    journal: JobStore(database: database, host: host, owner: "test", settings: EngineSettings()),
                    capacity: CapacityStore(database: database))
                try await shop.place("web", "create", #"{"account": "a", "name": "web", "plan": "small", "image": "tiny"}"#)
                let created = try await shop.claim()
                _ = try await shop.capacity.reserve(for: created.server.id, plan: created.server.plan, lease: created.lease)
                try await shop.finish(
                    created,
                    [.placed(host), .running(shop.report(created, "boot-1"), shop.disk(created, size: Samples.plan.disk))],
                    times: 1)
                try await body(shop)
            }
        }

        static let larger: Plan = {
            var plan = Samples.plan
            plan.name = "large"
            plan.vcpus = 2
            plan.disk = Gibibytes(3)
            return plan
        }()

        @discardableResult
        func place(_ reference: String, _ kind: String, _ spec: String) async throws -> Int64 {
            try await database.only("select hostal.place_order('whmcs', \(reference), \(kind), \(JSONText(text: spec)))")
        }

        @discardableResult
        func order(_ reference: String, _ kind: String, _ more: String = "") async throws -> Int64 {
            try await place(reference, kind, #"{"service": "web""# + (more.isEmpty ? "" : ", " + more) + "}")
        }

        func claim() async throws -> Job { try #require(try await journal.claim(limit: 1).first).job }

        func report(_ job: Job, _ boot: String) -> GuestReport {
            GuestReport(instanceID: job.instanceID, bootID: boot, status: "done", errors: [], hostKeys: ["key of \(boot)"])
        }

        func disk(_ job: Job, size: Gibibytes) -> ServerDisk {
            ServerDisk(
                volume: Volume(
                    name: job.volume, pool: Samples.pool, source: .file(path: "/v/\(job.volume)"), format: .qcow2,
                    size: size.bytes, backing: nil),
                seedPath: "/s/\(job.volume).iso", instanceID: job.instanceID)
        }

        /// One step that leaves these records, and the end; by default twice, because a commit's answer may be lost.
        func finish(_ job: Job, _ records: [Record], fails: Bool = false, times: Int = 2) async throws {
            let workflow = Workflow(name: "w", version: 1, steps: [], pivot: nil, deadline: .seconds(60))
            try await journal.begin(job.lease, workflow: workflow)
            try await journal.intend(job.lease, step: 0, name: "s", intent: [:])
            for _ in 1...times {
                try await journal.complete(
                    job.lease, step: 0, output: JSONText(text: "{}"), records: records, percent: 100, next: nil)
            }
            try await fails ? journal.fail(job.lease) : journal.succeed(job.lease)
        }

        func reinstall(_ reference: String, _ more: String = "") async throws {
            try await order(reference, "reinstall", #""image": "other""# + (more.isEmpty ? "" : ", " + more))
            let job = try await claim()
            try await capacity.reserve(
                Room(disk: job.server.plan.disk), as: .disk(generation: job.generation), for: job.server.id, on: host,
                lease: job.lease)
            try await finish(
                job, [.reinstalled(report(job, "boot-\(job.generation)"), disk(job, size: job.server.plan.disk))])
        }

        /// Rooms by role, and whether the host's count is their sum.
        func room() async throws -> [String] {
            let wrong: Int = try await database.only(
                """
                select count(*) from hostal.hosts h,
                       (select sum(used_gib) d from hostal.pools) p,
                       (select coalesce(sum(vcpus), 0) v, coalesce(sum(memory_mib), 0) m, coalesce(sum(disk_gib), 0) d
                          from hostal.allocations) a
                 where (h.used_vcpus, h.used_memory_mib, p.d) is distinct from (a.v, a.m, a.d)
                """)
            #expect(wrong == 0, "the host's count is not the sum of what servers hold")
            return try await database.query(
                "select role || ' ' || vcpus || ' ' || memory_mib || ' ' || disk_gib from hostal.allocations order by role"
            ).map { try $0.get(0) }
        }

        func volumes() async throws -> [String] {
            try await database.query(
                """
                select v.generation || ' ' || v.state || ' ' || i.name || case when keep_until > now() then ' in time' else '' end
                  from hostal.volumes v join hostal.images i on i.id = v.image_id order by v.generation
                """
            ).map { try $0.get(0) }
        }
    }

    @Test func theAgeOfAStepThatIsBeingUndoneCountsFromItsUndo() async throws {
        try await Shop.with { shop in
            try await shop.order("r", "reboot")
            let job = try await shop.claim()
            try await shop.journal.begin(
                job.lease, workflow: Workflow(name: "w", version: 1, steps: [], pivot: nil, deadline: .seconds(60)))
            try await shop.journal.intend(job.lease, step: 0, name: "s", intent: [:])
            _ = try await shop.database.query(
                "update hostal.job_steps set started_at = started_at - interval '1 hour' where job_id = \(job.lease.job)")
            try await shop.journal.unwind(
                job.lease, step: 0, failure: Failure(.permanent, .timeout, "too late"), deadline: .seconds(60))
            for _ in 1...2 { try await shop.journal.beginUndo(job.lease, step: 0) }
            try await shop.journal.handBack(job.lease)
            let age = try #require(try await shop.claim().ages["s"])
            #expect(age < .seconds(600))
        }
    }

    @Test func aJobKnowsItsGoalAndWhatTheServerIsNow() async throws {
        try await Shop.with { shop in
            try await shop.order(
                "r", "reinstall", #""image": "other", "user_data": "the new", "password_hash": "$6$aaaaaaaa$bbbbbbbbbbbbbbbb""#)
            let job = try await shop.claim()
            #expect(job.generation == 2 && job.lastGeneration == 2)
            #expect(job.server.image.name == "other")
            #expect(job.active?.generation == 1 && job.active?.instanceID == "\(job.server.guest)-1")
            #expect(job.disk == nil)
            #expect(job.instanceID == "\(job.server.guest)-\(job.order)")
            #expect(job.bootID == "boot-1")
            #expect(job.options.userData == .replace && job.userData == "the new")
            #expect(job.secrets.passwordHash == "$6$aaaaaaaa$bbbbbbbbbbbbbbbb")
            #expect(job.plan == job.server.plan)
        }
    }

    @Test func aReinstalledServerHasItsNewDiskAndKeepsTheOldOne() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("r", #""user_data": "the new""#)
            #expect(try await shop.volumes() == ["1 kept tiny in time", "2 active other"])
            #expect(try await shop.room() == ["disk-2 0 0 1", "home 1 128 1"])
            let server = try await shop.database.only(
                "select generation || ' ' || boot_id || ' ' || power || ' ' || host_keys[1] from hostal.servers", as: String.self)
            #expect(server == "2 boot-2 on key of boot-2")
            #expect(try await shop.database.only("select content from hostal.server_user_data", as: String.self) == "the new")
            #expect(try await shop.database.only("select count(*) from hostal.order_secrets", as: Int.self) == 0)
            #expect(
                try await shop.database.only("select count(*) from hostal.events where kind = 'server.reinstalled'", as: Int.self)
                    == 1)
            // Another one: the disk that was kept before makes room for the one that is kept now.
            try await shop.reinstall("r2", #""user_data": null"#)
            #expect(try await shop.volumes() == ["1 kept tiny", "2 kept other in time", "3 active other"])
            #expect(try await shop.database.only("select count(*) from hostal.server_user_data", as: Int.self) == 0)
        }
    }

    @Test func anUndoSwapsTheDisksAndASecondUndoSwapsThemBack() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("r")
            for (reference, active) in [("u1", 1), ("u2", 2)] {
                try await shop.order(reference, "undo")
                let job = try await shop.claim()
                #expect(job.generation == active && job.disk?.generation == active)
                #expect(job.instanceID == job.disk?.instanceID)
                try await shop.finish(job, [.broughtBack(shop.report(job, reference))])
                let image = active == 1 ? "tiny" : "other"
                #expect(try await shop.volumes().contains("\(active) active \(image)"))
                #expect(try await shop.database.only("select generation from hostal.servers", as: Int.self) == active)
                #expect(try await shop.room() == ["disk-2 0 0 1", "home 1 128 1"])
            }
        }
    }

    @Test func aPurgeGivesTheRoomOfOneDiskBack() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("r")
            let purges = PurgeStore(database: shop.database)
            #expect(try await purges.place(most: 10) == 0, "a disk was purged before its time")
            _ = try await shop.database.query("update hostal.volumes set keep_until = now() where state = 'kept'")
            #expect(try await purges.place(most: 10) == 1)
            #expect(try await purges.place(most: 10) == 0, "one disk was purged twice")
            let job = try await shop.claim()
            #expect(job.generation == 1)
            try await shop.finish(job, [.purged])
            #expect(try await shop.volumes() == ["2 active other"])
            #expect(try await shop.room() == ["home 1 128 1"])
        }
    }

    /// The room goes with the disks, all at once and by an order of its own.
    @Test func aDeletedServersDisksArePurgedWhenTheirTimeIsOver() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("r")
            try await shop.order("d", "delete")
            let deletion = try await shop.claim()
            for _ in 1...2 { try await shop.capacity.releaseAllButDisks(of: deletion.server.id, lease: deletion.lease) }
            try await shop.finish(deletion, [.deleted(disksKeptFor: .seconds(60))])
            #expect(try await shop.volumes() == ["1 deleted tiny in time", "2 deleted other in time"])
            #expect(try await shop.database.only("select servers from hostal.accounts", as: Int32.self) == 0)
            #expect(try await shop.room() == ["disk-2 0 0 1", "home 0 0 1"])
            let purges = PurgeStore(database: shop.database)
            #expect(try await purges.place(most: 10) == 0, "a disk was purged before its time")
            _ = try await shop.database.query("update hostal.volumes set keep_until = now()")
            #expect(try await purges.place(most: 10) == 1)
            #expect(try await purges.place(most: 10) == 0, "one server was purged twice")
            let job = try await shop.claim()
            #expect(job.generation == 2 && job.active == nil && job.pool == Samples.pool)
            try await shop.finish(job, [.purged])
            #expect(try await shop.volumes() == [])
            #expect(try await shop.room() == [])
            #expect(
                try await shop.database.only("select count(*) from hostal.events where kind = 'volume.purged'", as: Int.self) == 1
            )
        }
    }

    @Test func aDiskThatHasGrownIsToldEvenWhenTheResizeFails() async throws {
        try await Shop.with { shop in
            try await shop.order("z", "resize", #""plan": "large", "upgrade_disk": true"#)
            let job = try await shop.claim()
            #expect(job.plan.vcpus == 2 && job.server.plan.vcpus == 1)
            let growth = Room(vcpus: 1, disk: Gibibytes(2))
            for _ in 1...2 {
                try await shop.capacity.reserve(growth, as: .growth, for: job.server.id, on: shop.host, lease: job.lease)
            }
            #expect(try await shop.room() == ["home 1 128 1", "resize 1 0 2"])
            for _ in 1...2 {
                try await shop.capacity.recordGrowth(of: job.volume, to: Gibibytes(3), for: job.server.id, lease: job.lease)
            }
            #expect(try await shop.room() == ["home 1 128 3", "resize 1 0 0"])
            for _ in 1...2 { try await shop.capacity.release(.growth, of: job.server.id, lease: job.lease) }
            #expect(try await shop.room() == ["home 1 128 3"])
            #expect(
                try await shop.database.only(
                    "select plan ->> 'name' || ' ' || (plan ->> 'disk_gib') from hostal.servers", as: String.self) == "small 3")
        }
    }

    @Test func aResizedServerHoldsWhatItsPlanSaysAndGivesBackWhatItNeedsNoMore() async throws {
        try await Shop.with { shop in
            try await shop.order("up", "resize", #""plan": "large", "upgrade_disk": true"#)
            let up = try await shop.claim()
            try await shop.capacity.reserve(
                Room(vcpus: 1, disk: Gibibytes(2)), as: .growth, for: up.server.id, on: shop.host, lease: up.lease)
            try await shop.capacity.recordGrowth(of: up.volume, to: Gibibytes(3), for: up.server.id, lease: up.lease)
            try await shop.finish(up, [.resized(nil)])
            #expect(try await shop.room() == ["home 2 128 3"])
            var thin = Samples.plan
            thin.name = "thin"
            thin.disk = Gibibytes(3)
            try await PlanCatalog(database: shop.database).apply([thin])
            try await shop.order("down", "resize", #""plan": "thin""#)
            try await shop.finish(try await shop.claim(), [.resized(nil)])
            #expect(try await shop.room() == ["home 1 128 3"])
        }
    }

    @Test func roomThatTheHostHasNotIsRefused() async throws {
        try await Shop.with { shop in
            try await shop.order("z", "resize", #""plan": "large""#)
            let job = try await shop.claim()
            let error = await #expect(throws: Failure.self) {
                try await shop.capacity.reserve(
                    Room(vcpus: 4, disk: Gibibytes(2)), as: .growth, for: job.server.id, on: shop.host, lease: job.lease)
            }
            #expect(error?.code == .resourceUnavailable && error?.kind == .permanent)
            #expect(error?.message == "cannot give the server more room: its host has not 4 vCPUs, 2 GiB of disk free")
            #expect(try await shop.room() == ["home 1 128 1"])
        }
    }

    @Test func aDeletionGivesBackEveryRoomOfTheServer() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("r")
            try await shop.reinstall("r2")
            #expect(try await shop.room().count == 3)
            try await shop.order("d", "delete")
            let job = try await shop.claim()
            #expect(job.lastGeneration == 3)
            try await shop.capacity.release(for: job.server.id, lease: job.lease)
            try await shop.finish(job, [.deleted(disksKeptFor: nil)])
            #expect(try await shop.room() == [])
            #expect(try await shop.volumes() == [])
        }
    }

    @Test func secretsGoWhenTheirOrderFails() async throws {
        try await Shop.with { shop in
            let hash = "$6$aaaaaaaa$bbbbbbbbbbbbbbbb"
            try await shop.order("p", "reset_password", #""password_hash": "\#(hash)""#)
            let job = try await shop.claim()
            #expect(job.secrets.passwordHash == hash)
            try await shop.finish(job, [], fails: true)
            #expect(try await shop.database.only("select count(*) from hostal.order_secrets", as: Int.self) == 0)
            let told: Int = try await shop.database.only(
                """
                select count(*) from (select spec::text t from hostal.orders union all select options::text from hostal.jobs
                    union all select data::text from hostal.events union all select coalesce(output, '{}')::text from hostal.job_steps) x
                 where t like '%' || \(hash) || '%'
                """)
            #expect(told == 0)
        }
    }

    @Test(arguments: [
        ("create", "reboot"), ("reinstall", "resize"), ("resize", "reboot"), ("reinstall", "reinstall"), ("undo", "poweroff"),
        ("delete", "reboot"), ("delete", "reinstall"),
    ]) func whatWouldCollideIsRefusedAsBusy(open: String, asked: String) async throws {
        try await Shop.with { shop in
            let specs = ["reinstall": #""image": "other""#, "resize": #""plan": "large""#]
            var service = "web"
            if open == "create" {
                service = "web2"
                try await shop.place(service, "create", #"{"account": "a", "name": "web2", "plan": "small", "image": "tiny"}"#)
            } else {
                if open == "undo" { try await shop.reinstall("before") }
                try await shop.order("open", open, specs[open] ?? "")
            }
            let more = specs[asked].map { ", " + $0 } ?? ""
            let error = try await errorOf { try await shop.place("asked", asked, "{\"service\": \"\(service)\"\(more)}") }
            #expect(["HO003", "HO005"].contains(error.sqlState), "\(error)")
            let placed: Int = try await shop.database.only("select count(*) from hostal.orders where external_ref = 'asked'")
            #expect(placed == 0, "a refused order was kept")
        }
    }

    @Test func shortOrdersQueueAndADeletionCancelsWhatWaitsAndUnwindsWhatRuns() async throws {
        try await Shop.with { shop in
            try await shop.order("1", "reboot")
            try await shop.order("2", "poweroff")
            try await shop.order("3", "reinstall", #""image": "other""#)
            try await shop.order("4", "delete")
            let states = try await shop.database.query(
                "select o.kind || ' ' || o.state || ' ' || j.state || ' ' || j.cancel_requested from hostal.orders o join hostal.jobs j on j.order_id = o.id order by o.id"
            ).map { try $0.get(0, as: String.self) }
            #expect(
                states.dropFirst() == [
                    "reboot queued open true", "poweroff failed failed false", "reinstall failed failed false",
                    "delete queued queued false",
                ])
        }
    }

    @Test func powerIsRecordedForServersThatNobodyWorksOn() async throws {
        try await Shop.with { shop in
            let store = PowerStore(database: shop.database)
            let guest: GuestID = try await shop.database.only("select guest from hostal.servers")
            let since = try await store.now()
            #expect(try await store.record([guest], on: shop.host, since: since) == 0)
            #expect(try await store.record([], on: shop.host, since: since) == 1)
            #expect(try await store.record([guest], on: HostID(shop.host.value + 1), since: since) == 0, "another host's server")
            // What was seen before a job's end may be older than what the job did.
            try await shop.order("on", "poweron")
            #expect(try await store.record([guest], on: shop.host, since: try await store.now()) == 0, "a job is open")
            let seen = try await store.now()
            try await shop.finish(try await shop.claim(), [.power(.on)])
            #expect(try await store.record([], on: shop.host, since: seen) == 0)
            #expect(try await store.record([], on: shop.host, since: try await store.now()) == 1)
        }
    }

    /// What customers log in by: each disk keeps the keys that its own guest has reported.
    @Test func everyDiskKnowsItsGuestsHostKeys() async throws {
        try await Shop.with { shop in
            try await shop.reinstall("again")
            let keys = try await shop.database.query("select host_keys from hostal.volumes order by generation")
                .map { try $0.get(0, as: [String].self) }
            #expect(keys == [["key of boot-1"], ["key of boot-2"]])
        }
    }

    /// Whoever is second waits for the first: neither is ended by PostgreSQL as half of a deadlock.
    @Test func aDeletionPlacedWhileRoomIsReservedHarmsNeither() async throws {
        try await Shop.with { shop in
            try await shop.place("web2", "create", #"{"account": "a", "name": "web2", "plan": "small", "image": "tiny"}"#)
            let job = try await shop.claim()
            let server = job.server.id
            // As place_order does for a deletion, in two halves.
            let reserving = try await shop.database.transaction { deletion in
                _ = try await deletion.query("select id from hostal.servers where id = \(server) for update")
                let reserving = Task {
                    try await shop.capacity.reserve(for: server, plan: job.server.plan, lease: job.lease)
                }
                try await eventually("the reservation waits for the server's row") {
                    let waiting: Int = try await shop.database.only(
                        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
                    return waiting == 1
                }
                _ = try await deletion.query("update hostal.jobs set cancel_requested = true where id = \(job.id)")
                return reserving
            }
            #expect(try await reserving.value.host == shop.host)
        }
    }
}
