import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalTestKit
import Synchronization
import Testing

/// One way to die: a worker is killed with SIGKILL at this point, and the job is resumed by a worker of the same kind or by another that runs
/// already.
struct Death: Sendable, CustomStringConvertible {
    enum Course: String, Sendable { case create, unwinding, delete }
    enum Resumption: String, Sendable, CaseIterable { case same, another }

    var course: Course
    var step: StepName
    var moment: FaultMoment
    var resumption: Resumption

    var workflow: WorkflowName { course == .delete ? "delete-server" : "create-server" }
    var point: String { "\(workflow)/\(step)/\(moment.rawValue)" }
    var description: String { "\(course.rawValue) \(step) \(moment.rawValue), resumed by \(resumption.rawValue)" }

    /// Every moment of every step, forward and back.
    static let all: [Death] = {
        let create = Workflow.createServer().steps.map(\.name)
        let delete = Workflow.deleteServer().steps.map(\.name)
        var deaths: [Death] = []
        for resumption in Resumption.allCases {
            for (course, steps, moments) in [
                (Course.create, create, FaultMoment.forward), (.unwinding, create, FaultMoment.unwinding),
                (.delete, delete, FaultMoment.forward),
            ] {
                for step in steps {
                    deaths += moments.map { Death(course: course, step: step, moment: $0, resumption: resumption) }
                }
            }
        }
        return deaths
    }()
}

/// A real worker against real PostgreSQL, real files, a real libvirtd with real QEMU processes (they halt at once), a real bridge and
/// firewall: killed everywhere.
@Suite struct CrashMatrixTests {
    /// Cases run in lanes, each on a host of its own.
    private static let lanes = 3
    /// What unwinding starts from: the last step before the pivot is done fails.
    private static let refusal = "create-server/await-guest/after-intent=fail"

    @Test(.timeLimit(.minutes(40))) func everyDeathEndsRight() async throws {
        let cluster = try await PostgresCluster.shared()
        let queue = Queue(Death.all)
        let started = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 1...Self.lanes {
                group.addTask {
                    try await TestHost.with("matrix-\(lane)", cluster: cluster) { host in
                        while let death = queue.next() {
                            let began = ContinuousClock.now
                            try await host.reset(addresses: 3)
                            try await Self.run(death, on: host)
                            print("crash matrix \(queue.finishedOne()): \(death), \(ContinuousClock.now - began)")
                            fflush(nil)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let count = queue.finished
        print("crash matrix: \(count) cases in \(ContinuousClock.now - started)")
        #expect(count == Death.all.count)
    }

    private static func run(_ death: Death, on host: TestHost) async throws {
        try await host.importHaltedImage()
        await host.startStandIn()
        let refusals = death.course == .unwinding ? [refusal] : []
        if death.course == .delete {
            let first = try await host.startWorker()
            let created = try await host.finished(try await host.order("s"))
            #expect(created.state == "succeeded", "\(death): \(created)")
            await first.kill9()
        }
        // Another worker is one that was there before and has nothing to do with the job; it sleeps, so that the victim gets it.
        var heir: ChildProcess?
        if death.resumption == .another {
            let other = try await host.startWorker(faults: refusals)
            try await waitUntil("the other worker is ready") { try await host.log(of: other).contains("is ready") }
            other.send(SIGSTOP)
            try await waitUntil("the other worker sleeps") { other.isStopped }
            heir = other
        }
        let order = death.course == .delete ? try await host.orderDeletion(of: "s") : try await host.order("s")
        let victim = try await host.startWorker(faults: refusals + ["\(death.point)=kill"])
        let victimEnd = try await victim.end(within: .seconds(60))
        let log = try await host.log(of: victim)
        #expect(victimEnd == .signal(SIGKILL), "\(death): \(log)")
        #expect(log.contains("fault \(death.point) kill"), "\(death): the fault struck elsewhere")
        // The dead worker's lease runs out by itself: that is part of what is tried here.
        if let heir { heir.send(SIGCONT) } else { heir = try await host.startWorker(faults: refusals) }

        let end = try await host.finished(order)
        switch death.course {
        case .create:
            #expect(end.state == "succeeded", "\(death): \(end)")
            let domains = try await host.leftovers().filter { $0.hasPrefix("domain ") }
            #expect(domains.count == 1, "\(death): \(domains)")
            let deleted = try await host.finished(try await host.orderDeletion(of: "s"))
            #expect(deleted.state == "succeeded", "\(death): \(deleted)")
        case .unwinding:
            #expect(end.state == "failed", "\(death): \(end)")
            #expect(end.errorCode == "service_error", "\(death): \(end)")
        case .delete:
            #expect(end.state == "succeeded", "\(death): \(end)")
        }
        let left = try await host.leftovers()
        #expect(left.isEmpty, "\(death): \(left)")
        await heir?.kill9()
    }

    /// The control: a suite that stays green when an undo does nothing proves nothing.
    @Test(arguments: ["define-guest", "clone-volume", "write-seed", "attach-network", "assign-addresses", "reserve-capacity"])
    func aBlankUndoIsNoticed(step: String) async throws {
        try await TestHost.with("blank", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            try await host.startWorker(faults: [Self.refusal], blankUndo: [step])
            _ = try await host.finished(try await host.order("s"))
            let left = try await host.leftovers()
            #expect(!left.isEmpty, "nothing is left although \(step) was not undone")
        }
    }
}

/// What lanes take their cases from.
private final class Queue: Sendable {
    private let state: Mutex<(left: [Death], finished: Int)>
    init(_ deaths: [Death]) { state = Mutex((deaths, 0)) }
    var finished: Int { state.withLock { $0.finished } }
    func next() -> Death? { state.withLock { $0.left.popLast() } }
    func finishedOne() -> Int {
        state.withLock { state in
            state.finished += 1
            return state.finished
        }
    }
}
