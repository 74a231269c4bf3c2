import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Resizes of servers that run on meanwhile.
@Suite struct GrowingTests {
    private static func rig(
        fake: FakeHost = FakeHost(), off: Bool = false, _ change: (inout Plan) -> Void = { _ in }
    ) async throws -> Rig {
        var goal = MemoryJournal.Goal()
        var plan = Rig.larger
        change(&plan)
        goal.plan = plan
        return try await Rig.ready(.resizeServer(), fake: fake, off: off, goal: goal)
    }

    @Test func aServerWithRoomGrowsWhileItRuns() async throws {
        let rig = try await Self.rig()
        let boots = rig.fake.boots
        try await rig.runToEnd(others: [.growServer()])
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.journal.now.names == Workflow.growServer().steps.map(\.name))
        #expect(rig.fake.boots == boots && rig.fake.powerButtons == 0, "it was interrupted")
        for guest in [rig.fake.running(rig.server.guest), rig.fake.definition(of: rig.server.guest)] {
            #expect(guest?.vcpus == 2 && guest?.memory == Mebibytes(256), "\(String(describing: guest))")
        }
        let volume = VolumeName(guest: rig.server.guest, generation: 1)
        #expect(rig.fake.recordedSize(of: volume) == Gibibytes(2))
        #expect(rig.journal.now.server.spec.plan.name == "large")
        #expect(rig.journal.now.server.power == .on)
    }

    @Test(arguments: ["off", "no room", "less memory", "part of a block", "runs with more"])
    func whatCannotGrowWhileItRunsIsResizedCold(why: String) async throws {
        let fake = FakeHost(liveGrowth: why == "no room" ? 1 : 4)
        let rig = try await Self.rig(fake: fake, off: why == "off") { plan in
            if why == "less memory" { plan.memory = Mebibytes(64) }
            if why == "part of a block" { plan.memory = Mebibytes(192) }
        }
        if why == "runs with more" {
            try await fake.add(upTo: GuestSize(vcpus: 2, memory: Mebibytes(128)), to: rig.server.guest, server: rig.server.id)
        }
        try await rig.runToEnd(others: [.growServer()])
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.journal.now.names == Workflow.resizeServer().steps.map(\.name))
        #expect((fake.running(rig.server.guest) == nil) == (why == "off"))
        #expect(fake.definition(of: rig.server.guest)?.vcpus == 2)
    }

    /// At its end the guest has been given everything, and only a restart takes it back; before, there is nothing to take.
    @Test(arguments: [(GrowRunningDisk.name, 0), (AddMemory.name, 1), (AddVCPUs.name, 1)])
    func aGrowthThatFailsRestartsOnlyWhatHasGrown(step: StepName, restarts: Int) async throws {
        let rig = try await Self.rig()
        let before = rig.state
        let boots = rig.fake.boots
        try await rig.runToEnd(others: [.growServer()]) { _, now, moment in
            if now == step, moment == .afterEffect { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.state == before)
        #expect(rig.fake.boots == boots + restarts)
        #expect(rig.journal.now.server.spec.plan.name == "small")
    }

    @Test func aGuestThatPowersItselfOffMeanwhileIsLargerWhenItStarts() async throws {
        let rig = try await Self.rig()
        let (fake, server) = (rig.fake, rig.server)
        try await rig.runToEnd(others: [.growServer()]) { _, now, moment in
            if now == GrowRunningDisk.name, moment == .afterIntent { fake.loseGuests() }
        }
        #expect(rig.journal.now.ended == "succeeded")
        #expect(fake.running(server.guest) == nil)
        #expect(fake.definition(of: server.guest)?.memory == Mebibytes(256))
        #expect(fake.recordedSize(of: VolumeName(guest: server.guest, generation: 1)) == Gibibytes(2))
    }

    @Test func aHostThatCannotBeAskedIsAskedAgain() async throws {
        let asked = Counter()
        let workflow = Workflow(
            name: "resize-server", version: 1, steps: [AnyStep(ReserveGrowth()), AnyStep(AwaitResize())], pivot: AwaitResize.name,
            deadline: .seconds(60),
            choice: { _, _ in
                asked.add()
                if asked.count < 3 { throw Failure(.temporary, .serviceError, "cannot ask: a test") }
                return "grow-server"
            })
        var goal = MemoryJournal.Goal()
        goal.plan = Rig.larger
        let rig = try await Rig.ready(workflow, goal: goal)
        try await rig.runToEnd(others: [.growServer()])
        #expect(asked.count == 3)
        #expect(rig.journal.now.names.last == AddVCPUs.name)
    }
}
