import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// A place in a workflow: tests run for every step of every workflow, so that a new step is tested before its author thinks of it.
struct Place: Sendable, CustomTestStringConvertible {
    var workflow: String
    var step: Int
    var testDescription: String { "\(workflow) step \(step)" }

    static let workflows: [String: Workflow] = ["create": .createServer(), "delete": .deleteServer()]
    static let create = Workflow.createServer().steps.indices.map { Place(workflow: "create", step: $0) }
    static let all = create + Workflow.deleteServer().steps.indices.map { Place(workflow: "delete", step: $0) }
}

struct Broken: Error {}

/// Runs a workflow on a fake host, one claim after the other, with faults where a test wants them.
struct Rig {
    let fake = FakeHost()
    let server: ServerSpec
    let journal: MemoryJournal
    let workflow: Workflow

    init(_ workflow: Workflow) throws {
        server = try Samples.server()
        self.workflow = workflow
        journal = MemoryJournal(server: server, workflow: workflow.name)
    }

    /// Claims and runs until the job ends; at most 100 claims.
    func runToEnd(settings: EngineSettings = EngineSettings(), probe: @escaping FaultProbe = { _, _, _ in }) async throws {
        let runner = JobRunner(
            host: fake.host, journal: journal, fence: OpenFence(), settings: settings, workflows: [workflow], probe: probe)
        for _ in 0..<100 {
            guard let claimed = try await journal.claim(limit: 1).first else { return }
            do { try await runner.run(claimed) } catch is Broken {}
        }
        Issue.record("the job did not end: \(journal.now)")
    }

    func createFirst() async throws {
        let create = MemoryJournal(server: server, workflow: "create-server")
        let runner = JobRunner(
            host: fake.host, journal: create, fence: OpenFence(), settings: EngineSettings(), workflows: [.createServer()])
        for claimed in try await create.claim(limit: 1) { try await runner.run(claimed) }
    }
}

@Suite struct EveryStepTests {
    private func workflow(_ place: Place) throws -> Workflow { try #require(Place.workflows[place.workflow]) }

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
        let rig = try Rig(.deleteServer())
        try await rig.createFirst()
        #expect(rig.fake.leftovers.count == 8, "\(rig.fake.leftovers)")
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.leftovers.isEmpty)
    }

    @Test func everyStepRunTwiceIsTheSameAsOnce() async throws {
        let rig = try Rig(doubling(.createServer()))
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.leftovers.count == 8)
    }

    @Test(arguments: Place.create) func aFailureAfterAnEffectUndoesEverythingEvenTwice(place: Place) async throws {
        let rig = try Rig(doubling(.createServer()))
        let name = rig.workflow.steps[place.step].name
        try await rig.runToEnd { _, step, moment in
            if step == name, moment == .afterEffect { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.journal.now.failure?.message == "cannot go on: a test")
        #expect(rig.journal.now.records.count == place.step + 1, "the fault struck at another step")
        #expect(rig.journal.now.records.allSatisfy { $0.state == .undone })
        #expect(rig.fake.leftovers.isEmpty)
        #expect(rig.journal.now.written.allSatisfy { if case .running = $0 { false } else { true } })
    }

    @Test(arguments: Place.create) func aFailureBeforeAnEffectUndoesWhatWasNeverDone(place: Place) async throws {
        let rig = try Rig(.createServer())
        let name = rig.workflow.steps[place.step].name
        try await rig.runToEnd { _, step, moment in
            if step == name, moment == .afterIntent { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.fake.leftovers.isEmpty)
    }

    @Test(arguments: Place.all, FaultMoment.forward) func aStepThatBreaksOnceIsTriedAgain(place: Place, moment: FaultMoment)
        async throws
    {
        let rig = try Rig(try workflow(place))
        if place.workflow == "delete" { try await rig.createFirst() }
        let name = rig.workflow.steps[place.step].name
        let struck = Once()
        try await rig.runToEnd { _, step, now in
            if step == name, now == moment, struck.first() { throw Broken() }
        }
        #expect(struck.happened)
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.leftovers.count == (place.workflow == "create" ? 8 : 0))
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
        let rig = try Rig(.deleteServer())
        try await rig.createFirst()
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
        let rig = try Rig(.deleteServer())
        try await rig.createFirst()
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
