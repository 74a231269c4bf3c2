import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Images of disks and flattened disks, as the steps see to it: who is held up, and what is left.
@Suite struct CopyingTests {
    private static func capture(_ fake: FakeHost = FakeHost(), off: Bool = false) async throws -> Rig {
        try await Rig.ready(.captureImage(), fake: fake, off: off)
    }

    private static func copied(_ rig: Rig) throws -> CopiedDisk {
        try #require(rig.journal.now.outputs[CopyDisk.name]).decode(CopiedDisk.self)
    }

    @Test(arguments: [true, false]) func aGuestThatRunsIsFrozenForAMomentWhereItsAgentAnswers(hasAgent: Bool) async throws {
        let rig = try await Self.capture(FakeHost(hasAgent: hasAgent))
        let before = rig.state
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(try Self.copied(rig).wasQuiet == hasAgent)
        #expect(Set(rig.state).subtracting(before) == ["file /fake/image-5.qcow2"], "frozen, or something else is left")
        #expect(Set(before).subtracting(rig.state) == [])
    }

    @Test func theDiskOfAGuestThatIsOffIsQuiet() async throws {
        let rig = try await Self.capture(FakeHost(hasAgent: false), off: true)
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(try Self.copied(rig).wasQuiet)
        #expect(rig.fake.running(rig.server.guest) == nil, "a copy is no reason to start it")
    }

    /// The worker died between freezing the guest and thawing it.
    @Test func whoeverGoesOnThawsTheGuest() async throws {
        let rig = try await Self.capture()
        _ = try await rig.fake.freeze(rig.server.guest, server: rig.server.id)
        try await rig.runToEnd { _, step, moment in
            if step == CopyDisk.name, moment == .afterEffect { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(!rig.fake.leftovers.contains { $0.hasPrefix("frozen") || $0.hasPrefix("file") }, "\(rig.fake.leftovers)")
    }

    @Test(.timeLimit(.minutes(1)), arguments: [FakeHost.Stall.freezing, .copying])
    func aWorkerThatIsStoppedThawsTheGuest(stall: FakeHost.Stall) async throws {
        let rig = try await Self.capture(FakeHost(stall: stall))
        let run = Task { try await rig.runToEnd() }
        try await waitUntil("the guest is frozen") { rig.fake.holdsGuests }
        run.cancel()
        _ = await run.result
        #expect(!rig.fake.holdsGuests)
        #expect(rig.journal.now.ended == nil, "the order goes on elsewhere")
    }

    /// The agent freezes the guest after it was given up: while the copy goes on, or after it.
    @Test(arguments: [1, 3, 60]) func aFreezeThatComesLateIsThawedBeforeTheImageIsMade(silence: Int) async throws {
        let rig = try await Self.capture(FakeHost(silenceAtFreeze: silence))
        let copies = Counter()
        try await rig.runToEnd { _, step, moment in
            if step == CopyDisk.name, moment == .afterEffect { copies.add() }
        }
        #expect(rig.journal.now.ended == "succeeded")
        #expect(!rig.fake.holdsGuests)
        #expect(try !Self.copied(rig).wasQuiet)
        #expect(copies.count == 1, "one that is whole is kept")
        #expect((rig.journal.now.waits > 0) == (silence == 60))
    }

    @Test func aGuestThatMayStayFrozenFailsTheOrder() async throws {
        let rig = try await Rig.ready(.captureImage(), fake: FakeHost(silenceAtFreeze: .max), age: .seconds(3_600))
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.journal.now.failure?.message.contains("has not answered that its file systems write again") == true)
        #expect(!rig.fake.leftovers.contains { $0.hasPrefix("file") })
    }

    /// It has not been asked to freeze anything.
    @Test func anAgentThatHangsAllAlongHoldsUpNoImage() async throws {
        let rig = try await Self.capture()
        rig.fake.silenceAgents()
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded" && rig.journal.now.waits == 0)
        #expect(try !Self.copied(rig).wasQuiet)
    }

    @Test func aFlattenedDiskIsDefinedWithoutItsImage() async throws {
        for off in [true, false] {
            let rig = try await Rig.ready(.flattenDisk(), off: off)
            #expect(rig.fake.definition(of: rig.server.guest)?.root.backing != nil)
            try await rig.runToEnd()
            #expect(rig.journal.now.ended == "succeeded")
            let defined = try #require(rig.fake.definition(of: rig.server.guest)).root
            #expect(defined.backing == nil)
            #expect(rig.journal.now.server.disks[1]?.volume == defined, "the database is told")
        }
    }

    /// QEMU would end, and the guest with it.
    @Test func aDiskThatCannotBeFlattenedInUseIsLeftAloneWhileItsGuestRuns() async throws {
        for off in [true, false] {
            let rig = try await Rig.ready(.flattenDisk(), fake: FakeHost(flatteningInUse: .no), off: off)
            let before = rig.state
            try await rig.runToEnd()
            #expect(rig.journal.now.ended == (off ? "succeeded" : "failed"))
            #expect(off || rig.state == before)
            #expect(off || rig.journal.now.failure?.message.contains("while the server is off") == true)
        }
    }
}
