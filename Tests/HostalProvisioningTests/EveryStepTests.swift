import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// A place in a workflow: tests run for every step of every workflow, so that a new step is tested before its author thinks of it.
struct Place: Sendable, CustomTestStringConvertible {
    var workflow: WorkflowName
    var step: Int
    var testDescription: String { "\(workflow) step \(step)" }

    private static func places(_ workflows: [Workflow]) -> [Place] {
        workflows.flatMap { workflow in workflow.steps.indices.map { Place(workflow: workflow.name, step: $0) } }
    }

    static let create = places([.createServer()])
    static let all = places(Workflow.all())
    /// Of workflows that undo something, up to the point of no return.
    static let undoable = places(Workflow.all().filter { $0.pivot != nil && $0.steps.count > 1 }).filter { place in
        Workflow.all().contains { workflow in
            workflow.name == place.workflow && workflow.steps.prefix { $0.name != workflow.pivot }.count >= place.step
        }
    }
}

struct Broken: Error {}

/// Runs a workflow on a fake host, one claim after the other, with faults where a test wants them.
struct Rig {
    let fake: FakeHost
    let server: ServerSpec
    private(set) var workflow: Workflow
    private(set) var journal: MemoryJournal

    private static let guest = UUID(uuid: (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16))
    /// What a resize asks for.
    static let larger: Plan = {
        var plan = Samples.plan
        plan.name = "large"
        plan.vcpus = 2
        plan.memory = Mebibytes(256)
        plan.disk = Gibibytes(2)
        return plan
    }()

    /// Nothing is on the host yet.
    init(_ workflow: Workflow, fake: FakeHost = FakeHost()) throws {
        self.fake = fake
        server = try Samples.server(guest: Self.guest)
        self.workflow = workflow
        journal = MemoryJournal(server: server, workflow: workflow.name)
    }

    /// With everything on the host that the workflow needs: a server that runs, and an earlier disk for what is about one.
    static func ready(
        _ workflow: Workflow, fake: FakeHost = FakeHost(), off: Bool = false, goal given: MemoryJournal.Goal? = nil,
        age: Duration = .zero, waits: Int = .max
    ) async throws -> Rig {
        var rig = try Rig(workflow, fake: fake)
        guard workflow.name != "create-server" else { return rig }
        var known = try await rig.runFirst(.createServer(), order: 1, after: nil, goal: MemoryJournal.Goal())
        var goal = MemoryJournal.Goal()
        switch workflow.name {
        case "undo-reinstall", "purge-volume", "delete-server":
            goal.generation = 2
            known = try await rig.runFirst(.reinstallServer(), order: 2, after: known, goal: goal)
            goal.generation = workflow.name == "delete-server" ? nil : 1
        case "reinstall-server": goal.generation = 2
        case "resize-server", "grow-server": goal.plan = larger
        case "capture-image": goal.imageMade = ImageID(5)
        case "resume-server": known.resumesPower = true
        case "reset-password": goal.secrets.passwordHash = "$6$hash"
        default: break
        }
        if off || workflow.name == "resume-server" { try await fake.stop(rig.server.guest, server: rig.server.id) }
        rig.journal = MemoryJournal(
            server: rig.server, workflow: workflow.name, order: 3, after: known, goal: given ?? goal, age: age, waits: waits)
        return rig
    }

    /// The next order for the same server on the same host.
    func followed(by workflow: Workflow) -> Rig {
        var next = self
        next.workflow = workflow
        next.journal = MemoryJournal(server: server, workflow: workflow.name, order: 4, after: journal.now.server)
        return next
    }

    static func ready(_ place: Place) async throws -> Rig { try await ready(try named(place.workflow)) }

    static func named(_ name: WorkflowName) throws -> Workflow { try #require(Workflow.all().first { $0.name == name }) }

    /// Claims and runs until the job ends; at most 100 claims. `others`: what the worker knows besides, and the job may become.
    func runToEnd(
        settings: EngineSettings = EngineSettings(), others: [Workflow] = [], probe: @escaping FaultProbe = { _, _, _ in }
    ) async throws {
        let runner = JobRunner(
            host: fake.host, journal: journal, fence: OpenFence(), settings: settings, workflows: [workflow] + others,
            probe: probe)
        for _ in 0..<100 {
            guard let claimed = try await journal.claim(limit: 1).first else { return }
            do { try await runner.run(claimed) } catch is Broken {}
        }
        Issue.record("the job did not end: \(journal.now)")
    }

    private func runFirst(
        _ workflow: Workflow, order: Int64, after: MemoryJournal.Server?, goal: MemoryJournal.Goal
    ) async throws -> MemoryJournal.Server {
        // Old enough that a guest that hears nothing loses its power.
        let earlier = MemoryJournal(
            server: server, workflow: workflow.name, order: order, after: after, goal: goal, age: .seconds(3_600))
        let runner = JobRunner(
            host: fake.host, journal: earlier, fence: OpenFence(), settings: EngineSettings(), workflows: [workflow])
        while let claimed = try await earlier.claim(limit: 1).first { try await runner.run(claimed) }
        #expect(earlier.now.ended == "succeeded")
        return earlier.now.server
    }

    /// What matters of the host to the server's owner: what is there, what libvirt knows, what runs.
    var state: [String] {
        func words(_ what: String, _ guest: GuestDefinition?) -> String {
            guard let guest else { return "\(what): none" }
            return "\(what): \(guest.root.name) \(guest.seedPath) \(guest.vcpus) \(guest.memory)"
        }
        return fake.leftovers + [words("defined", fake.definition(of: server.guest)), words("runs", fake.running(server.guest))]
    }
}

@Suite struct EveryStepTests {
    private func doubling(_ workflow: Workflow) -> Workflow {
        let steps = workflow.steps.map { step in
            AnyStep(
                name: step.name, title: step.title, intent: step.intent,
                run: { job, host in
                    _ = try await step.run(job, host)
                    return try await step.run(job, host)
                },
                undo: { job, host in
                    try await step.undo(job, host)
                    try await step.undo(job, host)
                })
        }
        return Workflow(
            name: workflow.name, version: workflow.version, steps: steps, pivot: workflow.pivot, deadline: workflow.deadline)
    }

    @Test func createAndDeleteLeaveTheHostAsItWas() async throws {
        let create = try Rig(.createServer())
        try await create.runToEnd()
        #expect(create.fake.leftovers.count == 8, "\(create.fake.leftovers)")
        let rig = try await Rig.ready(.deleteServer())
        // The disk, the seed and the room of the reinstall before it.
        #expect(rig.fake.leftovers.count == 11, "\(rig.fake.leftovers)")
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.leftovers.isEmpty)
    }

    @Test(arguments: Workflow.all().map(\.name.text)) func everyStepRunTwiceIsTheSameAsOnce(name: String) async throws {
        let workflow = try Rig.named(WorkflowName(name))
        let once = try await Rig.ready(workflow)
        try await once.runToEnd()
        #expect(once.journal.now.ended == "succeeded")
        let twice = try await Rig.ready(doubling(workflow))
        try await twice.runToEnd()
        #expect(twice.journal.now.ended == "succeeded")
        #expect(twice.state == once.state)
    }

    @Test(arguments: Place.undoable) func aFailureAfterAnEffectUndoesEverythingEvenTwice(place: Place) async throws {
        let rig = try await Rig.ready(doubling(try Rig.named(place.workflow)))
        let before = rig.state
        let name = rig.workflow.steps[place.step].name
        try await rig.runToEnd { _, step, moment in
            if step == name, moment == .afterEffect { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.journal.now.failure?.message == "cannot go on: a test")
        #expect(rig.journal.now.records.count == place.step + 1, "the fault struck at another step")
        #expect(rig.journal.now.records.allSatisfy { $0.state == .undone })
        #expect(rig.state == before)
        #expect(rig.journal.now.written.allSatisfy { if case .placed = $0 { true } else { false } })
        for generation in 1...2 {
            // A disk that has grown is not made smaller, but the database knows it.
            let volume = VolumeName(guest: rig.server.guest, generation: generation)
            guard let recorded = rig.fake.recordedSize(of: volume), let active = rig.journal.now.server.disks[generation] else {
                continue
            }
            #expect(try await rig.fake.size(of: active.volume) == recorded.bytes)
        }
    }

    @Test(arguments: Place.undoable) func aFailureBeforeAnEffectUndoesWhatWasNeverDone(place: Place) async throws {
        let rig = try await Rig.ready(place)
        let before = rig.state
        let name = rig.workflow.steps[place.step].name
        try await rig.runToEnd { _, step, moment in
            if step == name, moment == .afterIntent { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.state == before)
    }

    @Test(arguments: Place.all, FaultMoment.forward) func aStepThatBreaksOnceIsTriedAgain(place: Place, moment: FaultMoment)
        async throws
    {
        let whole = try await Rig.ready(place)
        try await whole.runToEnd()
        let rig = try await Rig.ready(place)
        let name = rig.workflow.steps[place.step].name
        let struck = Once()
        try await rig.runToEnd { _, step, now in
            if step == name, now == moment, struck.first() { throw Broken() }
        }
        #expect(struck.happened)
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.state == whole.state)
    }

    @Test func aTemporaryFailureThatNeverEndsUnwindsAfterItsAttempts() async throws {
        let rig = try Rig(.createServer())
        var settings = EngineSettings()
        settings.attempts = 3
        let tries = Counter()
        try await rig.runToEnd(settings: settings) { _, step, moment in
            if step == CloneVolume.name, moment == .afterEffect {
                tries.add()
                throw Failure(.temporary, .storageFull, "cannot clone the disk: the pool is full")
            }
        }
        #expect(tries.count == 3)
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.fake.leftovers.isEmpty)
    }

    @Test func aDeletionThatCannotGoOnIsStuckAndKeepsWhatItHolds() async throws {
        let rig = try await Rig.ready(.deleteServer())
        try await rig.runToEnd { _, step, moment in
            if step == RemoveVolume.name, moment == .afterIntent {
                throw Failure(.permanent, .serviceError, "cannot remove: a test")
            }
        }
        #expect(rig.journal.now.ended == "stuck")
        #expect(rig.fake.leftovers.contains("addresses 7") && rig.fake.leftovers.contains("room 7"))
    }

    @Test func whatAnUndoRefusesToTouchIsStuck() async throws {
        let rig = try Rig(.createServer())
        try await rig.runToEnd { _, step, moment in
            if step == AwaitGuest.name, moment == .afterIntent {
                throw Failure(.permanent, .serviceError, "cannot go on: a test")
            }
            if step == DefineGuest.name, moment == .afterUndoIntent {
                throw Failure(.needsOperator, .serviceError, "cannot remove the guest: it is not ours")
            }
        }
        #expect(rig.journal.now.ended == "stuck")
        #expect(rig.journal.now.failure?.message == "cannot remove the guest: it is not ours")
    }

    @Test func whatIsLeftOnTheHostKeepsADeletionFromEnding() async throws {
        let rig = try await Rig.ready(.deleteServer())
        var settings = EngineSettings()
        settings.attempts = 2
        let seed = rig.server.guest
        let fake = rig.fake
        let blanked = Workflow(
            name: "delete-server", version: 1,
            steps: Workflow.deleteServer().steps.map { step in
                step.name == RemoveSeed.name
                    ? AnyStep(
                        name: step.name, title: step.title, intent: step.intent,
                        run: { _, _ in .done(try JSONText(encoding: Nothing())) }, undo: step.undo) : step
            }, pivot: nil, deadline: .seconds(60))
        let runner = JobRunner(
            host: fake.host, journal: rig.journal, fence: OpenFence(), settings: settings, workflows: [blanked])
        while let claimed = try await rig.journal.claim(limit: 1).first { try await runner.run(claimed) }
        #expect(rig.journal.now.ended == "stuck")
        #expect(rig.journal.now.failure?.detail?.contains("seed \(seed)") == true)
        #expect(fake.leftovers.contains("addresses 7"), "addresses must stay reserved while something may answer for them")
    }
}
