import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// One way to die while a running server is managed.
struct ManageDeath: Hashable, Sendable, CustomStringConvertible {
    var workflow: WorkflowName
    var step: StepName
    var moment: FaultMoment
    var resumption: Death.Resumption

    var isUnwinding: Bool { FaultMoment.unwinding.contains(moment) }
    var point: String { "\(workflow)/\(step)/\(moment.rawValue)" }
    var description: String { "\(point), resumed by \(resumption.rawValue)" }

    /// Every moment of every step, forward, and back for the two workflows that undo most; every third one also resumed by another worker.
    /// `HOSTAL_DEATHS=grow-server/` leaves all others out.
    static let all: [ManageDeath] = {
        var deaths: [ManageDeath] = []
        func add(_ workflow: Workflow, first count: Int = .max, _ moments: [FaultMoment]) {
            for step in workflow.steps.prefix(count) {
                for moment in moments {
                    let same = ManageDeath(workflow: workflow.name, step: step.name, moment: moment, resumption: .same)
                    deaths.append(same)
                    if deaths.count % 3 == 0 {
                        var another = same
                        another.resumption = .another
                        deaths.append(another)
                    }
                }
            }
        }
        for workflow in [
            Workflow.reinstallServer(), .undoReinstall(), .purgeVolume(), .resizeServer(), .growServer(), .rebootServer(),
            .resetServer(),
            .shutdownServer(), .stopServer(), .startServer(), .captureImage(), .flattenDisk(),
        ] { add(workflow, FaultMoment.forward) }
        // A guest without a system has no agent: the order fails, at once and cleanly, and nothing comes after its effect.
        add(.resetPassword(), [.beforeIntent, .afterIntent, .insideFence])
        for workflow in [Workflow.reinstallServer(), .resizeServer(), .growServer(), .captureImage()] {
            add(workflow, first: workflow.steps.prefix { $0.name != workflow.pivot }.count + 1, FaultMoment.unwinding)
        }
        guard let part = getenv("HOSTAL_DEATHS") else { return deaths }
        return deaths.filter { $0.point.hasPrefix(String(cString: part)) }
    }()
}

/// A server that runs, managed by workers that die everywhere. Cases of a lane share one server: each starts from what the one before has left,
/// and after each the host and the database must say the same.
@Suite struct ManageMatrixTests {
    private static let lanes = 3

    @Test(.timeLimit(.minutes(40))) func everyDeathWhileManagingEndsRight() async throws {
        let cluster = try await PostgresCluster.shared()
        let queue = ManageQueue(ManageDeath.all)
        let started = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 1...Self.lanes {
                group.addTask {
                    try await TestHost.with("manage-\(lane)", cluster: cluster, addresses: 3) { host in
                        let server = try await ManagedServer(host)
                        while let death = queue.next() {
                            let began = ContinuousClock.now
                            try await server.survive(death)
                            print("manage matrix \(queue.finishedOne()): \(death), \(ContinuousClock.now - began)")
                            fflush(nil)
                        }
                        try await server.delete()
                    }
                }
            }
            try await group.waitForAll()
        }
        print("manage matrix: \(queue.finished) cases in \(ContinuousClock.now - started)")
        #expect(queue.finished == ManageDeath.all.count)
    }

    /// The control: an undo of the switch that does nothing leaves the guest on a disk that is gone, and the checks above see it.
    @Test func aBlankUndoOfTheSwitchIsNoticed() async throws {
        try await TestHost.with("unswitched", cluster: try await PostgresCluster.shared()) { host in
            let server = try await ManagedServer(host)
            let worker = try await host.startWorker(
                faults: ["reinstall-server/await-new-guest/after-intent=fail"], blankUndo: ["switch-disk"])
            let order = try await host.order("reinstall", 1, for: "s", ["image": try JSONText(encoding: "other")])
            try await waitUntil("the job is over or keeps failing", within: .seconds(60)) {
                try await host.database.query(
                    "select 1 from hostal.jobs where order_id = \(order) and (state <> 'open' or direction = 'unwinding' and attempt > 2)"
                ).isEmpty == false
            }
            await worker.kill9()
            #expect(try await server.faults() != [], "nothing is wrong although the disk was not switched back")
        }
    }
}

/// The lane's server, and what must be true of it.
private final class ManagedServer: Sendable {
    /// Beyond the hypervisor's own limit for an answer, so that an answer that never comes is tried again, and seen in the times.
    private static let limit = Duration.seconds(150)

    let host: TestHost
    private let count = Mutex(0)

    init(_ host: TestHost) async throws {
        self.host = host
        try await host.importHaltedImage()
        try await host.importHaltedImage(name: "other")
        await host.startStandIn()
        let worker = try await host.startWorker()
        let created = try await host.finished(try await host.order("s"))
        #expect(created.state == "succeeded", "\(created)")
        await worker.kill9()
    }

    private struct Row: Equatable {
        var generation: Int
        var plan: Plan
        var power: String
        var bootID: String
        var kept: Int?
        var guest: String
        var id: Int64
    }

    private func row() async throws -> Row {
        let rows = try await host.database.query(
            """
            select s.generation, s.plan, s.power, s.boot_id, s.guest::text, s.id,
                   (select v.generation from hostal.volumes v
                     where v.server_id = s.id and v.state = 'kept' and v.keep_until > now() order by v.keep_until desc limit 1)
              from hostal.servers s
            """)
        let row = try #require(rows.first)
        return Row(
            generation: try row.get(0), plan: try row.get(1, as: JSONText.self).decode(Plan.self), power: try row.get(2),
            bootID: try row.get(3), kept: try row.get(6), guest: try row.get(4), id: try row.get(5))
    }

    private var next: Int {
        count.withLock { count in
            count += 1
            return count
        }
    }

    /// Without faults, by a worker of its own.
    private func carryOut(_ place: () async throws -> OrderID) async throws {
        let worker = try await host.startWorker()
        let end = try await host.finished(try await place())
        #expect(end.state == "succeeded", "\(end)")
        await worker.kill9()
    }

    private func reinstall() async throws -> OrderID {
        try await host.order("reinstall", next, for: "s", ["image": try JSONText(encoding: "other")])
    }

    private func resize(to plan: Plan) async throws -> OrderID {
        let number = next
        var plan = plan
        plan.name = "p\(number)"
        _ = try await host.database.query(
            "insert into hostal.plans (name, definition) values (\(plan.name), \(try JSONText(encoding: plan)))")
        return try await host.order(
            "resize", number, for: "s", ["plan": try JSONText(encoding: plan.name), "upgrade_disk": JSONText(text: "true")])
    }

    /// The step that gives a server its power of before has something to do when there was none.
    private func powerOff(before death: ManageDeath) async throws {
        guard death.step == RestorePower.name else { return }
        try await carryOut { try await self.host.order("poweroff", self.next, for: "s") }
    }

    /// What the database knows of the active disk.
    private func readsFromImage() async throws -> Bool {
        try #require(
            try await host.database.query(
                "select disk #> '{volume,backing}' is not null from hostal.volumes where state = 'active'"
            ).first
        ).get(0)
    }

    /// Places the order that the case is about.
    private func place(_ death: ManageDeath) async throws -> OrderID {
        switch death.workflow {
        case "reinstall-server":
            try await powerOff(before: death)
            return try await reinstall()
        case "undo-reinstall":
            if try await row().kept == nil { try await carryOut(reinstall) }
            try await powerOff(before: death)
            return try await host.order("undo", next, for: "s")
        case "purge-volume":
            if try await row().kept == nil { try await carryOut(reinstall) }
            // At most one, whatever else an earlier case has left.
            _ = try await host.database.query(
                "update hostal.volumes set keep_until = now() where state = 'kept' and keep_until > now()")
            #expect(try await PurgeStore(database: host.database).place(most: 1) == 1)
            return try #require(
                try await host.database.query("select max(id) from hostal.orders where kind = 'purge'").first
            ).get(0)
        case "resize-server":
            var plan = try await row().plan
            plan.vcpus = 3 - plan.vcpus
            plan.memory = Mebibytes(plan.memory.count == 128 ? 192 : 128)
            // A disk grows in every case, so that every case is tried with a disk that has just grown.
            plan.disk = Gibibytes(plan.disk.count + 1)
            return try await resize(to: plan)
        case "grow-server":
            var small = try await row().plan
            small.vcpus = 1
            small.memory = Mebibytes(128)
            if try await row().plan != small { try await carryOut { try await self.resize(to: small) } }
            var large = small
            large.vcpus = 2
            large.memory = Mebibytes(256)
            large.disk = Gibibytes(small.disk.count + 1)
            return try await resize(to: large)
        case "shutdown-server":
            return try await host.order("shutdown", next, for: "s", ["force_after_seconds": JSONText(text: "1")])
        case "start-server":
            try await host.machine.run("sh", ["-c", "virsh -q -c qemu:///system destroy hostal-1 || true"])
            return try await host.order("poweron", next, for: "s")
        case "reset-password":
            return try await host.order(
                "reset_password", next, for: "s",
                ["password_hash": try JSONText(encoding: "$6$abcdefgh$0123456789abcdefghijklmnop")])
        case "capture-image": return try await host.order("create_image", next, for: "s")
        case "flatten-disk":
            try await host.makeDisksToFlatten(true)
            try await carryOut(reinstall)
            try await host.makeDisksToFlatten(false)
            #expect(try await readsFromImage(), "\(death): there is nothing to flatten")
            return try await DiskOrders(database: host.database).flatten(ServerID(try await row().id))
        case "stop-server": return try await host.order("poweroff", next, for: "s")
        default: return try await host.order(death.workflow == "reboot-server" ? "reboot" : "reset", next, for: "s")
        }
    }

    func survive(_ death: ManageDeath) async throws {
        if !["start-server", "stop-server"].contains(death.workflow), try await row().power == "off" {
            try await carryOut { try await self.host.order("poweron", self.next, for: "s") }
        }
        // What has been added to a guest that runs is the hardest to take back.
        let moment = death.workflow == "grow-server" ? "after-effect" : "after-intent"
        let refusals = death.isUnwinding ? ["\(death.workflow)/\(pivot(of: death))/\(moment)=fail"] : []
        var heir: ChildProcess?
        if death.resumption == .another {
            let other = try await host.startWorker(faults: refusals)
            try await waitUntil("the other worker is ready") { try await host.log(of: other).contains("is ready") }
            other.send(SIGSTOP)
            try await waitUntil("the other worker sleeps") { other.isStopped }
            heir = other
        }
        let order = try await place(death)
        let before = try await row()
        let victim = try await host.startWorker(faults: refusals + ["\(death.point)=kill"])
        let victimEnd = try await victim.end(within: .seconds(60))
        let log = try await host.log(of: victim)
        #expect(victimEnd == .signal(SIGKILL), "\(death): \(log)")
        #expect(log.contains("fault \(death.point) kill"), "\(death): the fault struck elsewhere")
        // The dead worker's lease runs out by itself: that is part of what is tried here.
        if let heir { heir.send(SIGCONT) } else { heir = try await host.startWorker(faults: refusals) }
        let end: OrderSummary
        do {
            end = try await host.finished(order, within: Self.limit)
        } catch {
            if let heir { print("manage matrix: \(death) hangs\n\(await host.account(of: heir))") }
            throw error
        }
        await heir?.kill9()
        try await check(death, before, end)
        let faults = try await faults()
        #expect(faults == [], "\(death)")
    }

    private func pivot(of death: ManageDeath) -> StepName {
        Workflow.all().first { $0.name == death.workflow }?.pivot ?? death.step
    }

    private func check(_ death: ManageDeath, _ before: Row, _ end: OrderSummary) async throws {
        let after = try await row()
        guard !death.isUnwinding, death.workflow != "reset-password" else {
            #expect(end.state == "failed", "\(death): \(end)")
            #expect(end.errorCode == (death.isUnwinding ? "service_error" : "guest_did_not_answer"), "\(death): \(end)")
            #expect(after.generation == before.generation, "\(death)")
            #expect(after.plan.vcpus == before.plan.vcpus && after.plan.memory == before.plan.memory, "\(death)")
            return #expect(after.power == "on", "\(death)")
        }
        #expect(end.state == "succeeded", "\(death): \(end)")
        if death.step == RestorePower.name { #expect(after.power == "off", "\(death)") }
        switch death.workflow {
        case "reinstall-server":
            #expect(after.generation > before.generation && after.kept == before.generation, "\(death): \(before) \(after)")
        case "undo-reinstall":
            #expect(after.generation == before.kept && after.kept == before.generation, "\(death): \(before) \(after)")
        case "resize-server":
            #expect(after.plan.vcpus == 3 - before.plan.vcpus && after.plan.disk.count == before.plan.disk.count + 1, "\(death)")
        case "grow-server":
            #expect(after.plan.vcpus == 2 && after.plan.disk.count == before.plan.disk.count + 1, "\(death)")
            #expect(after.bootID == before.bootID, "\(death): it was restarted")
        case "capture-image":
            let image = try await host.database.query(
                "select active, location, digest from hostal.images order by id desc limit 1"
            ).first
            let made = try #require(image)
            let bytes = try Data(contentsOf: URL(filePath: try made.get(1)))
            var sum = Digesting(.sha256)
            Array(bytes).withUnsafeBytes { sum.update($0) }
            #expect(try made.get(0, as: Bool.self) && made.get(2) == sum.hexadecimal(), "\(death)")
            #expect(after == before, "\(death): \(before) \(after)")
        case "flatten-disk":
            #expect(try await !readsFromImage(), "\(death)")
            let file = "\(host.directory)/volumes/\(after.guest)-\(after.generation).qcow2"
            let info = try await Command("qemu-img", ["info", "-U", "-f", "qcow2", file]).run()
            #expect(!info.contains("backing file"), "\(death): \(info)")
            #expect(after == before, "\(death): \(before) \(after)")
        case "reboot-server": #expect(after.bootID != before.bootID, "\(death)")
        case "shutdown-server", "stop-server": #expect(after.power == "off", "\(death)")
        default: #expect(after.power == "on", "\(death)")
        }
    }

    /// Where the host, the database and the promise to the customer differ.
    func faults() async throws -> [String] {
        var wrong: [String] = []
        func expect(_ isRight: Bool, _ what: @autoclosure () -> String) { if !isRight { wrong.append(what()) } }
        let now = try await row()
        let rows = try await host.database.query(
            "select generation, state, (disk -> 'volume' ->> 'size')::bigint from hostal.volumes order by generation")
        let disks = try rows.map { (try $0.get(0, as: Int.self), try $0.get(1, as: String.self), try $0.get(2, as: Int64.self)) }

        for (place, suffix) in [("volumes", "qcow2"), ("seeds", "iso")] {
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(host.directory)/\(place)")
                .filter { $0 != ".hostal-pool" }
            let due = disks.map { "\(now.guest)-\($0.0).\(suffix)" }
            expect(Set(files) == Set(due), "\(place) are \(files.sorted()); due are \(due)")
        }
        let xml = try await host.machine.run(
            "sh", ["-c", "virsh -q -c qemu:///system dumpxml --inactive hostal-\(now.id) || true"])
        for part in [
            "volumes/\(now.guest)-\(now.generation).qcow2", "seeds/\(now.guest)-\(now.generation).iso",
            ">\(now.plan.memory.count << 10)</memory>", " current='\(now.plan.vcpus)'>",
        ] { expect(xml.contains(part), "the definition lacks \(part)") }
        if now.power == "on" {
            let live = try await host.machine.run("sh", ["-c", "virsh -q -c qemu:///system dominfo hostal-\(now.id) || true"])
            let size = try [Regex("CPU\\(s\\): +\(now.plan.vcpus)\n"), Regex("Max memory: +\(now.plan.memory.count << 10) KiB")]
            expect(size.allSatisfy { live.contains($0) }, "runs as \(live); the plan is \(now.plan)")
        }
        let running = StandIn(directory: host.directory).running()
        expect(
            running.map(\.generation) == (now.power == "on" ? [now.generation] : []),
            "running are \(running); power is \(now.power), the disk is \(now.generation)")

        let active = disks.filter { $0.1 == "active" }
        expect(active.map(\.0) == [now.generation], "active disks are \(active)")
        expect(active.map(\.2) == [now.plan.disk.bytes], "the plan's disk is \(now.plan.disk); the active one is \(active)")
        for (generation, _, size) in disks {
            let file = "\(host.directory)/volumes/\(now.guest)-\(generation).qcow2"
            guard let handle = fopen(file, "r") else { continue }
            defer { fclose(handle) }
            var bytes = [UInt8](repeating: 0, count: 32)
            fread(&bytes, 1, 32, handle)
            let real = bytes[24..<32].reduce(Int64(0)) { $0 << 8 | Int64($1) }
            expect(real == size, "disk \(generation) has \(real) bytes; \(size) are recorded")
        }
        let room = try await host.database.query("select role, disk_gib from hostal.allocations order by role")
            .map { (try $0.get(0, as: String.self), try $0.get(1, as: Int64.self)) }
        expect(room.count == disks.count && !room.contains { $0.0 == "resize" }, "room is \(room) for \(disks.count) disks")
        expect(
            room.map(\.1).sorted() == disks.map { $0.2 >> 30 }.sorted(), "room is \(room); disks are \(disks)")
        wrong += try await host.leftovers().filter {
            $0.hasPrefix("job") || $0.hasPrefix("library") || $0.hasPrefix("image") || $0.hasPrefix("secrets")
                || $0.contains("counts wrong") || $0.contains("hostal-2")
        }
        return wrong
    }

    /// The end of a lane: nothing of all the disks, seeds and rooms may be left.
    func delete() async throws {
        let worker = try await host.startWorker()
        let end = try await host.finished(try await host.orderDeletion(of: "s"))
        #expect(end.state == "succeeded", "\(end)")
        await worker.kill9()
        let left = try await host.leftovers()
        #expect(left == [])
    }
}

/// What lanes take their cases from.
private final class ManageQueue: Sendable {
    private let state: Mutex<(left: [ManageDeath], finished: Int)>
    init(_ deaths: [ManageDeath]) { state = Mutex((deaths.reversed(), 0)) }
    var finished: Int { state.withLock { $0.finished } }
    func next() -> ManageDeath? { state.withLock { $0.left.popLast() } }
    func finishedOne() -> Int {
        state.withLock { state in
            state.finished += 1
            return state.finished
        }
    }
}
