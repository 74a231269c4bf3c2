import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Workers that die at the steps that touch storage, with disks on real storage servers: after each death the server, libvirt and the database
/// say the same, and at the end of each server's life nothing is left on any.
@Suite(.serialized) struct StorageMatrixTests {
    @Test(.timeLimit(.minutes(30))) func everyDeathOnAStorageServerEndsRight() async throws {
        // All kinds at once: most of a case's time is a dead worker's lease.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for kind in StorageServer.kinds { group.addTask { try await Self.run(kind) } }
            try await group.waitForAll()
        }
    }

    private static func run(_ kind: PoolKind) async throws {
        try await StorageServer.with(kind, on: "deaths") { host, server in
            let scene = try await StoredServer(on: host, server)
            let began = ContinuousClock.now
            var cases = 0
            for (index, life) in StorageDeath.lives(on: kind).enumerated() {
                let started = ContinuousClock.now
                try await scene.live(index + 1, dying: life)
                cases += life.count
                print("\(kind.rawValue) matrix: \(cases) cases; \(life.map(\.point)) took \(ContinuousClock.now - started)")
                fflush(nil)
            }
            print("\(kind.rawValue) matrix: \(cases) cases in \(ContinuousClock.now - began)")
        }
    }

    /// The control: a suite that stays green when a clone is not undone proves nothing.
    @Test(.timeLimit(.minutes(5)), arguments: StorageServer.kinds)
    func aBlankUndoOfTheCloneIsNoticed(on kind: PoolKind) async throws {
        try await StorageServer.with(kind, on: "blank") { host, server in
            let scene = try await StoredServer(on: host, server)
            try await host.startWorker(faults: [StorageDeath.refusal], blankUndo: ["clone-volume"])
            let end = try await host.finished(try await scene.create("s"))
            #expect(end.state == "failed", "\(end)")
            #expect(try await server.leftovers() != [], "nothing is left although the clone was not undone")
        }
    }
}

enum StorageDeath {
    /// What unwinding starts from: the last step before the pivot is done fails.
    static let refusal = "create-server/await-guest/after-intent=fail"

    private static let forward: [FaultMoment] = [.beforeIntent, .insideFence, .afterEffect, .afterDone]
    /// For steps whose other moments die elsewhere in the same way.
    private static let effect: [FaultMoment] = [.insideFence, .afterEffect]

    private static func deaths(_ steps: [(String, [FaultMoment])]) -> [ManageDeath] {
        steps.flatMap { path, moments in
            let parts = path.split(separator: "/").map(String.init)
            return moments.map {
                ManageDeath(workflow: WorkflowName(parts[0]), step: StepName(parts[1]), moment: $0, resumption: .same)
            }
        }
    }

    /// These have a server to themselves.
    private static let unwinding = deaths([
        ("create-server/clone-volume", FaultMoment.unwinding), ("create-server/define-guest", [.afterUndoEffect]),
    ])

    /// The others, by what of a server's life they are in, in its order.
    private static func courses(on kind: PoolKind) -> [[ManageDeath]] {
        [
            deaths([
                ("create-server/clone-volume", forward), ("create-server/define-guest", effect),
                ("create-server/start-guest", forward),
            ]),
            deaths([
                ("reinstall-server/clone-volume", effect), ("reinstall-server/switch-disk", effect),
                ("reinstall-server/start-guest", effect),
            ]),
            // A LUN cannot grow while its target is there.
            deaths([("resize-server/grow-volume", forward), ("resize-server/start-again", effect)])
                + (kind == .iscsi ? [] : deaths([("grow-server/grow-running-disk", effect)])),
            deaths([("purge-volume/purge-volume", forward)]),
            deaths([("capture-image/copy-disk", effect), ("flatten-disk/flatten-disk", effect)]),
            deaths([("delete-server/undefine-guest", effect), ("delete-server/remove-volume", forward)]),
        ]
    }

    /// Deaths of different parts of a life share a server. Every other one is resumed by another worker. `HOSTAL_DEATHS=create-server/` leaves
    /// all others out.
    static func lives(on kind: PoolKind) -> [[ManageDeath]] {
        let part = getenv("HOSTAL_DEATHS").map { String(cString: $0) } ?? ""
        func asked(_ deaths: [ManageDeath]) -> [ManageDeath] { deaths.filter { $0.point.hasPrefix(part) } }
        let courses = courses(on: kind).map(asked)
        let count = courses.map(\.count).max() ?? 0
        let shared = (0..<count).map { index in courses.compactMap { $0.indices.contains(index) ? $0[index] : nil } }
        return (shared + asked(unwinding).map { [$0] }).enumerated().map { index, life in
            life.enumerated().map { number, death in
                var death = death
                death.resumption = (index + number) % 2 == 0 ? .same : .another
                return death
            }
        }
    }
}

/// A server with its disks on a storage server: its life with deaths in it.
private struct StoredServer {
    let host: TestHost
    let server: StorageServer

    /// Beyond the time for which a dead client of Ceph's counts as one that is there.
    private static let limit = Duration.seconds(90)
    private static let plans: [(String, vcpus: Int, memory: Int, disk: Int)] = [
        ("first", 1, 192, 1),
        // With less memory, which needs a restart; and with more of all.
        ("resized", 2, 128, 2), ("grown", 2, 320, 2),
    ]

    init(on host: TestHost, _ server: StorageServer) async throws {
        self.host = host
        self.server = server
        try await host.importHaltedImage()
        await host.startStandIn()
        for (name, vcpus, memory, disk) in Self.plans {
            var plan = Samples.plan
            (plan.name, plan.storage) = (name, StorageServer.storage)
            (plan.vcpus, plan.memory, plan.disk) = (vcpus, Mebibytes(memory), Gibibytes(disk))
            try await host.add(plan)
        }
    }

    func create(_ reference: String) async throws -> OrderID { try await host.order(reference, plan: "first") }

    /// Creates, and as far as deaths are there: reinstalls, resizes and purges. Then deletes.
    func live(_ number: Int, dying deaths: [ManageDeath]) async throws {
        let reference = "s\(number)"
        func death(of workflows: WorkflowName...) -> ManageDeath? { deaths.first { workflows.contains($0.workflow) } }

        let flatten = death(of: "flatten-disk")
        try await host.makeDisksToFlatten(flatten != nil)
        let birth = death(of: "create-server")
        try await carry(birth) { try await create(reference) }
        if let birth, birth.isUnwinding { return try await expectNothingLeft(birth) }
        let purge = death(of: "purge-volume")
        if let reinstall = death(of: "reinstall-server") ?? purge {
            try await carry(reinstall == purge ? nil : reinstall) {
                try await host.order("reinstall", 1, for: reference, ["image": try JSONText(encoding: "halted")])
            }
        }
        if let resize = death(of: "resize-server", "grow-server") {
            let plan = resize.workflow == "grow-server" ? "grown" : "resized"
            try await carry(resize) {
                try await host.order(
                    "resize", 2, for: reference, ["plan": try JSONText(encoding: plan), "upgrade_disk": JSONText(text: "true")])
            }
        }
        if purge != nil { try await carry(purge, orderPurge) }
        if let capture = death(of: "capture-image") {
            try await carry(capture) { try await host.order("create_image", 3, for: reference) }
        }
        if let flatten { try await carry(flatten, orderFlatten) }
        let end = death(of: "delete-server")
        try await carry(end) { try await host.orderDeletion(of: reference) }
        try await expectNothingLeft(end)
    }

    private func orderPurge() async throws -> OrderID {
        _ = try await host.database.query("update hostal.volumes set keep_until = now() where state = 'kept'")
        #expect(try await PurgeStore(database: host.database).place(most: 1) == 1)
        let row = try await host.database.query("select max(id) from hostal.orders where kind = 'purge'").first
        return try #require(row).get(0)
    }

    private func orderFlatten() async throws -> OrderID {
        let row = try await host.database.query("select max(id) from hostal.servers").first
        return try await DiskOrders(database: host.database).flatten(try #require(row).get(0))
    }

    /// Has the order carried out, by a worker that dies if told so and by one that does not.
    private func carry(_ death: ManageDeath?, _ place: () async throws -> OrderID) async throws {
        let refusals = death?.isUnwinding == true ? [StorageDeath.refusal] : []
        var heir: ChildProcess?
        // Another worker is one that was there before; it sleeps, so that the victim gets the job.
        if death?.resumption == .another {
            let other = try await host.startWorker(faults: refusals)
            try await waitUntil("the other worker is ready") { try await host.log(of: other).contains("is ready") }
            other.send(SIGSTOP)
            try await waitUntil("the other worker sleeps") { other.isStopped }
            heir = other
        }
        let order = try await place()
        if let death {
            let victim = try await host.startWorker(faults: refusals + ["\(death.point)=kill"])
            let end = try await victim.end(within: .seconds(60))
            let log = try await host.log(of: victim)
            try #require(end == .signal(SIGKILL), "\(server.kind) \(death): \(log)")
            #expect(log.contains("fault \(death.point) kill"), "\(server.kind) \(death): the fault struck elsewhere")
        }
        if let heir { heir.send(SIGCONT) } else { heir = try await host.startWorker(faults: refusals) }
        let what = "\(server.kind) \(death.map(\.description) ?? "order \(order)")"
        let end = try await host.finished(order, within: Self.limit)
        await heir?.kill9()
        try #require(end.state == (death?.isUnwinding == true ? "failed" : "succeeded"), "\(what): \(end)")
        if death?.isUnwinding == true { #expect(end.errorCode == "service_error", "\(what): \(end)") }
        try await expectAgreement(what)
    }

    /// The storage server has the disks that the database knows, as long as it says, and the guest is defined with the active one.
    private func expectAgreement(_ what: String) async throws {
        let rows = try await host.database.query(
            """
            select s.guest::text || '-' || v.generation, (v.disk -> 'volume' ->> 'size')::bigint, v.state, 'hostal-' || s.id
              from hostal.volumes v join hostal.servers s on s.id = v.server_id
            """)
        let due = try rows.map { (try $0.get(0, as: String.self), try $0.get(1, as: Int64.self)) }
        let there = try await server.disks()
        #expect(there == Dictionary(uniqueKeysWithValues: due), "\(what): the disks of the storage server")
        for row in rows where try row.get(2, as: String.self) == "active" {
            let xml = try await host.machine.run(
                "virsh", ["-q", "-c", "qemu:///system", "dumpxml", "--inactive", try row.get(3, as: String.self)])
            let address = server.address(try row.get(0, as: String.self))
            #expect(xml.contains(address), "\(what): \(address) is not what the guest has")
        }
    }

    private func expectNothingLeft(_ death: ManageDeath?) async throws {
        let left = try await host.leftovers() + server.leftovers()
        #expect(left == [], "\(server.kind) \(death.map(\.description) ?? "")")
    }
}
