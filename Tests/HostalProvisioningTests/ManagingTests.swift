import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// What managing a server makes true, beyond that every step may be repeated and undone.
@Suite struct ManagingTests {
    private func active(_ rig: Rig) throws -> GuestDefinition { try #require(rig.fake.running(rig.server.guest)) }

    @Test func aReinstalledServerRunsFromItsNewDiskAndKeepsTheOld() async throws {
        let rig = try await Rig.ready(.reinstallServer())
        try await rig.runToEnd()
        #expect(try active(rig).root.name.generation == 2)
        for thing in ["volume", "seed"] {
            for generation in 1...2 { #expect(rig.fake.leftovers.contains("\(thing) \(rig.server.guest)-\(generation)")) }
        }
        let record = try #require(rig.journal.now.written.last)
        guard case .reinstalled(let report, let disk) = record else { return #expect(Bool(false), "\(record)") }
        #expect(report.instanceID == "\(rig.server.guest)-3")
        #expect(disk.instanceID == report.instanceID)
        #expect(disk.generation == 2)
    }

    @Test(arguments: [JobOptions.UserData.keep, .drop, .replace]) func aReinstallDoesWithTheDocumentWhatItIsTold(
        fate: JobOptions.UserData
    ) async throws {
        var goal = MemoryJournal.Goal()
        goal.generation = 2
        goal.options.userData = fate
        goal.secrets = JobSecrets(userData: "#new", passwordHash: "$6$hash")
        let rig = try await Rig.ready(.reinstallServer(), goal: goal)
        try await rig.runToEnd()
        let seed = try #require(rig.fake.seed(at: "/fake/\(rig.server.guest)-2.iso"))
        #expect(seed.userData == (fate == .replace ? "#new" : nil))
        #expect(seed.passwordHash == "$6$hash")
        #expect("\(goal.secrets)" == "(kept apart)")
    }

    @Test func aNewGuestThatNeverAnswersGivesTheOldOneBack() async throws {
        let rig = try await Rig.ready(.reinstallServer(), waits: 5)
        let before = rig.state
        rig.fake.mute()
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.journal.now.failure?.code == .guestDidNotAnswer)
        #expect(rig.journal.now.records.map(\.name).last == AwaitReinstall.name)
        #expect(rig.state == before)
    }

    @Test func whatWasOffStaysOffWhenAReinstallFails() async throws {
        let rig = try await Rig.ready(.reinstallServer(), off: true)
        try await rig.runToEnd { _, step, moment in
            if step == AwaitReinstall.name, moment == .afterIntent {
                throw Failure(.permanent, .serviceError, "cannot go on: a test")
            }
        }
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.fake.running(rig.server.guest) == nil)
        #expect(rig.fake.definition(of: rig.server.guest)?.root.name.generation == 1)
    }

    @Test(arguments: [Workflow.reinstallServer(), .undoReinstall()].map(\.name.text)) func whatWasOffIsOffAgainOnceItHasAnswered(
        name: String
    ) async throws {
        for (age, cuts) in [(Duration.zero, false), (.seconds(61), true)] {
            let fake = FakeHost(obeysPowerButton: !cuts)
            let rig = try await Rig.ready(try Rig.named(WorkflowName(name)), fake: fake, off: true, age: age)
            try await rig.runToEnd()
            #expect(rig.journal.now.ended == "succeeded")
            #expect(rig.fake.running(rig.server.guest) == nil)
            #expect(rig.journal.now.written.last == .power(.off))
            #expect(rig.journal.now.server.power == .off)
        }
        let on = try await Rig.ready(try Rig.named(WorkflowName(name)))
        try await on.runToEnd()
        #expect(on.fake.running(on.server.guest) != nil)
        #expect(!on.journal.now.written.contains(.power(.off)))
    }

    @Test func anUndoneReinstallBootsTheEarlierDiskAnew() async throws {
        let rig = try await Rig.ready(.undoReinstall())
        let known = rig.fake.boots
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(try active(rig).root.name.generation == 1)
        guard case .broughtBack(let report)? = rig.journal.now.written.last else { return #expect(Bool(false)) }
        #expect(report.bootID == "boot-\(known + 1)", "an earlier boot's report was taken for the new one")
        #expect(report.instanceID == "\(rig.server.guest)-1")
    }

    @Test func anEarlierDiskThatIsSmallerThanThePlanGrowsBeforeItRuns() async throws {
        let rig = try await Rig.ready(
            .undoReinstall(),
            goal: {
                var goal = MemoryJournal.Goal()
                goal.generation = 1
                goal.plan = Rig.larger
                return goal
            }())
        try await rig.runToEnd()
        #expect(rig.fake.recordedSize(of: VolumeName(guest: rig.server.guest, generation: 1)) == Gibibytes(2))
    }

    @Test func aResizedServerHasItsNewSizeAndOneThatWasOffStaysOff() async throws {
        for off in [false, true] {
            let rig = try await Rig.ready(.resizeServer(), off: off)
            try await rig.runToEnd()
            #expect(rig.journal.now.ended == "succeeded")
            let defined = try #require(rig.fake.definition(of: rig.server.guest))
            #expect(defined.vcpus == 2 && defined.memory == Mebibytes(256))
            #expect((rig.fake.running(rig.server.guest) == nil) == off)
            #expect(rig.fake.recordedSize(of: defined.root.name) == Gibibytes(2))
            #expect(rig.journal.now.server.spec.plan.name == "large")
        }
    }

    @Test func aHoldTakesThePowerAndTheEndOfTheLastGivesItBack() async throws {
        for off in [false, true] {
            let rig = try await Rig.ready(.suspendServer(), off: off)
            try await rig.runToEnd()
            #expect(rig.journal.now.ended == "succeeded")
            #expect(rig.fake.running(rig.server.guest) == nil)
            #expect(rig.journal.now.written == [.suspended(before: off ? .off : .on)])
            #expect(rig.journal.now.server.resumesPower == !off)
        }
        let rig = try await Rig.ready(.resumeServer())
        try await rig.runToEnd()
        #expect(rig.fake.running(rig.server.guest) != nil)
        #expect(rig.journal.now.written == [.resumed])
    }

    /// The power was on when the order came, whatever a worker that died in between has done to it.
    @Test func aHoldRemembersThePowerThoughItsWorkerDies() async throws {
        let rig = try await Rig.ready(.suspendServer())
        let struck = Counter()
        try await rig.runToEnd { _, step, moment in
            if step == SuspendGuest.name, moment == .afterEffect, struck.count == 0 {
                struck.add()
                throw Broken()
            }
        }
        #expect(struck.count == 1)
        #expect(rig.journal.now.written == [.suspended(before: .on)])
    }

    @Test func aServerOnHoldThatCannotBePoweredOffIsStuck() async throws {
        let rig = try await Rig.ready(.suspendServer())
        try await rig.runToEnd { _, step, moment in
            if step == SuspendGuest.name, moment == .afterIntent {
                throw Failure(.permanent, .serviceError, "cannot power off: a test")
            }
        }
        #expect(rig.journal.now.ended == "stuck")
    }

    @Test func aDiskNeverShrinks() async throws {
        var goal = MemoryJournal.Goal()
        goal.plan = Samples.plan
        goal.plan?.disk = Gibibytes(0)
        let rig = try await Rig.ready(.resizeServer(), goal: goal)
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.recordedSize(of: VolumeName(guest: rig.server.guest, generation: 1)) == nil)
    }

    @Test func aDiskThatAServerRunsFromIsNeverPurged() async throws {
        var goal = MemoryJournal.Goal()
        goal.generation = 2
        let rig = try await Rig.ready(.purgeVolume(), goal: goal)
        let before = rig.state
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "stuck")
        #expect(rig.state == before)
    }

    /// Nothing but disks and their room is left of the server, and the purge takes both.
    @Test func aDeletedServersDisksStayUntilTheyArePurged() async throws {
        let rig = try await Rig.ready(.deleteServer(keepDisksFor: .seconds(60)))
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        let disks = [1, 2].map { "volume \(rig.server.guest)-\($0)" }
        #expect(rig.fake.leftovers.filter { !$0.hasPrefix("room ") } == disks)
        let purge = rig.followed(by: .purgeVolume())
        try await purge.runToEnd()
        #expect(purge.journal.now.ended == "succeeded")
        // The real ledger forgets rooms with the record.
        #expect(purge.fake.leftovers.allSatisfy { $0.hasPrefix("room ") }, "\(purge.fake.leftovers)")
    }

    @Test func aGuestThatIgnoresThePowerButtonLosesItsPowerAfterThePatience() async throws {
        let stubborn = FakeHost(obeysPowerButton: false)
        let rig = try await Rig.ready(.rebootServer(), fake: stubborn, age: .seconds(61))
        let boots = stubborn.boots
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(stubborn.powerButtons == 1, "asked in the claim that wrote the intent, and cut in the next")
        #expect(stubborn.boots == boots + 1)
    }

    @Test func aRebootIsDoneOnlyWhenTheGuestHasReportedAnotherBoot() async throws {
        let rig = try await Rig.ready(.rebootServer())
        let boots = rig.fake.boots
        try await rig.runToEnd()
        guard case .rebooted(let report)? = rig.journal.now.written.last else { return #expect(Bool(false)) }
        #expect(report.bootID == "boot-\(boots + 1)")
    }

    @Test func aShutdownWithoutForceFailsAndLeavesTheGuestRunning() async throws {
        let rig = try await Rig.ready(.shutdownServer(), fake: FakeHost(obeysPowerButton: false), age: .seconds(120))
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "failed")
        #expect(rig.journal.now.failure?.code == .guestDidNotAnswer)
        #expect(rig.journal.now.failure?.message.contains("within 120 s") == true)
        #expect(rig.fake.running(rig.server.guest) != nil)
        #expect(rig.journal.now.written == [])
    }

    @Test func aShutdownWithForceCutsThePowerInTime() async throws {
        var goal = MemoryJournal.Goal()
        goal.options.forceAfter = .seconds(5)
        let rig = try await Rig.ready(.shutdownServer(), fake: FakeHost(obeysPowerButton: false), goal: goal, age: .seconds(5))
        try await rig.runToEnd()
        #expect(rig.journal.now.ended == "succeeded")
        #expect(rig.fake.running(rig.server.guest) == nil)
        #expect(rig.journal.now.written == [.power(.off)])
    }

    @Test func powerOrdersEndWithThePowerThatTheyRecord() async throws {
        for (workflow, power) in [
            (Workflow.startServer(), PowerState.on), (.stopServer(), .off), (.resetServer(), .on), (.shutdownServer(), .off),
        ] {
            for off in [false, true] {
                let rig = try await Rig.ready(workflow, off: off)
                try await rig.runToEnd()
                #expect(rig.journal.now.ended == "succeeded")
                #expect(rig.journal.now.written == [.power(power)])
                #expect((rig.fake.running(rig.server.guest) != nil) == (power == .on), "\(workflow.name)")
            }
        }
    }

    @Test(arguments: Workflow.all().filter { $0.steps.count == 1 && $0.pivot != nil }.map(\.name.text))
    func anOrderOfOneStepFailsCleanly(name: String) async throws {
        let rig = try await Rig.ready(try Rig.named(WorkflowName(name)))
        try await rig.runToEnd { _, _, moment in
            if moment == .afterIntent { throw Failure(.permanent, .serviceError, "cannot go on: a test") }
        }
        #expect(rig.journal.now.ended == "failed")
    }

    @Test func aPasswordReachesTheAgentAndOneWithoutAnAgentIsToldSo() async throws {
        let rig = try await Rig.ready(.resetPassword())
        try await rig.runToEnd()
        #expect(rig.fake.password(of: rig.server.guest) == "$6$hash")
        let mute = try await Rig.ready(.resetPassword(), fake: FakeHost(hasAgent: false), age: .seconds(120))
        try await mute.runToEnd()
        #expect(mute.journal.now.ended == "failed")
        #expect(mute.journal.now.waits == 1, "one look in the claim that wrote the intent, and the last")
        #expect(mute.journal.now.failure?.code == .guestDidNotAnswer)
        #expect(mute.journal.now.failure?.message.contains("within 120 s; reboot the server") == true)
    }
}
