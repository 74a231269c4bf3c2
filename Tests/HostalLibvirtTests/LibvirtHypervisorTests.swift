import FoundationEssentials
import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

@Suite(.serialized) struct LibvirtHypervisorTests {
    @Test func aGuestGoesThroughItsLifeAndEachStepTwiceEqualsOnce() async throws {
        try await Fixture.run { fixture in
            let hypervisor = fixture.hypervisor
            #expect(try await hypervisor.state(of: fixture.id) == .absent)
            for _ in 1...2 {
                try await hypervisor.define(fixture.guest)
                #expect(try await hypervisor.state(of: fixture.id) == .off)
            }
            for _ in 1...2 {
                try await hypervisor.start(fixture.id, server: fixture.server)
                #expect(try await hypervisor.state(of: fixture.id) == .active)
            }
            #expect(try await hypervisor.remains(of: fixture.id) == ["domain", "report"])
            for _ in 1...2 {
                try await hypervisor.stop(fixture.id, server: fixture.server)
                #expect(try await hypervisor.state(of: fixture.id) == .off)
            }
            for _ in 1...2 {
                try await hypervisor.undefine(fixture.id, server: fixture.server)
                try await hypervisor.discardReports(of: fixture.id)
                #expect(try await hypervisor.remains(of: fixture.id).isEmpty)
            }
            try await hypervisor.stop(fixture.id, server: fixture.server)
        }
    }

    @Test func twoThatKeepOneSecretForTheFirstTimeBothSucceed() async throws {
        try await Fixture.run { fixture in
            let another = LibvirtHypervisor(fixture.settings)
            for round in 1...20 {
                let secret = StorageSecret(usage: .ceph, name: "pool-\(round)", value: Array("key".utf8))
                async let first: Void = fixture.hypervisor.keep(secret)
                async let second: Void = another.keep(secret)
                _ = try await (first, second)
            }
            #expect(try await fixture.virsh("secret-list").split(separator: "\n").count == 20)
        }
    }

    @Test func aGuestThatIsNotDefinedCannotStart() async throws {
        try await Fixture.run { fixture in
            await expectFailure(.permanent, "cannot start server 42: it is not defined") {
                try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            }
        }
    }

    @Test func aDefinitionIsReplacedByAnotherAndLeftAloneByItself() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            _ = try await fixture.virsh("desc", fixture.domain, "somebody's note")
            try await fixture.hypervisor.define(fixture.guest)
            #expect(try await fixture.virsh("desc", fixture.domain).contains("somebody's note"))
            var larger = fixture.guest
            larger.memory = Mebibytes(96)
            try await fixture.hypervisor.define(larger)
            #expect(try await fixture.virsh("dumpxml", fixture.domain).contains("<memory unit='KiB'>98304</memory>"))
        }
    }

    @Test func anOlderWorkerIsRefusedAndANewerOneTakesOver() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.with(epoch: 5))
            await expectFailure(.permanent, "a newer worker owns it, of epoch 5; this one's is 4") {
                try await fixture.hypervisor.define(fixture.with(epoch: 4))
            }
            try await fixture.hypervisor.define(fixture.with(epoch: 6))
            #expect(try await fixture.virsh("dumpxml", fixture.domain).contains(#"epoch="6""#))
        }
    }

    @Test func aDomainWithoutOurMarkIsNeverTouched() async throws {
        try await Fixture.run { fixture in
            let path = "\(fixture.host.directory)/foreign.xml"
            let xml =
                "<domain type='qemu'><name>theirs</name><uuid>\(fixture.id)</uuid><memory>65536</memory><os><type>hvm</type></os></domain>"
            try Data(xml.utf8).write(to: URL(filePath: path))
            _ = try await fixture.virsh("define", path)
            _ = try await fixture.virsh("start", "theirs")
            try await expectEverythingRefused(fixture)
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
        }
    }

    @Test func anotherServersGuestIsNeverTouched() async throws {
        try await Fixture.run { fixture in
            var other = fixture.guest
            other.names = GuestNamesRecord(GuestNames(server: ServerID(43), guest: fixture.id))
            try await fixture.hypervisor.define(other)
            try await fixture.hypervisor.start(fixture.id, server: ServerID(43))
            try await expectEverythingRefused(fixture)
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
        }
    }

    @Test func aNameThatAnotherDomainHasIsRefused() async throws {
        try await Fixture.run { fixture in
            var other = fixture.guest
            other.names = GuestNamesRecord(GuestNames(server: fixture.server, guest: GuestID(UUID())))
            try await fixture.hypervisor.define(other)
            await expectFailure(.needsOperator, "its name belongs to a guest that is not this server's") {
                try await fixture.hypervisor.define(fixture.guest)
            }
        }
    }

    @Test func aGuestThatRunsWithoutADefinitionIsRemovedAsWell() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            _ = try await fixture.virsh("undefine", fixture.domain)
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
            try await fixture.hypervisor.undefine(fixture.id, server: fixture.server)
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .absent)
        }
    }

    @Test func aStartThatIsStillUnderWayDoesNotSurviveTheRemoval() async throws {
        try await Fixture.run { fixture in
            for _ in 1...3 {
                try await fixture.hypervisor.define(fixture.guest)
                async let start: String? = try? fixture.virsh("start", fixture.domain)
                try await fixture.hypervisor.undefine(fixture.id, server: fixture.server)
                _ = await start
                #expect(try await fixture.hypervisor.state(of: fixture.id) == .absent)
            }
        }
    }

    @Test func aPausedGuestIsResumedByAStart() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            _ = try await fixture.virsh("suspend", fixture.domain)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            #expect(try await fixture.virsh("domstate", fixture.domain).contains("running"))
        }
    }

    @Test func manyCallersAtOnceDefineAndStartOneGuest() async throws {
        try await Fixture.run { fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...6 {
                    group.addTask {
                        try await fixture.hypervisor.define(fixture.guest)
                        try await fixture.hypervisor.start(fixture.id, server: fixture.server)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.virsh("list", "--all", "--name").split(separator: "\n") == [Substring(fixture.domain)])
        }
    }

    @Test func aRestartOfLibvirtdBetweenCallsIsNotNoticed() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.host.restartLibvirtd()
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            try await fixture.host.restartLibvirtd()
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
            try await fixture.hypervisor.undefine(fixture.id, server: fixture.server)
        }
    }

    @Test func aLibvirtdThatIsNotThereIsATemporaryFailureAndNeverAnAbsentGuest() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.host.stopLibvirtd()
            await expectFailure(.temporary, "cannot tell the state of guest \(fixture.id): the hypervisor does not answer") {
                _ = try await fixture.hypervisor.state(of: fixture.id)
            }
            await expectFailure(.temporary, "cannot remove server 42: the hypervisor does not answer") {
                try await fixture.hypervisor.undefine(fixture.id, server: fixture.server)
            }
            try await fixture.host.startLibvirtd()
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .off)
        }
    }

    @Test func aLibvirtdThatHangsHoldsNobodyUpAndWhatWasGivenUpDoesNotHappenLater() async throws {
        try await Fixture.run { fixture in
            let hypervisor = LibvirtHypervisor(fixture.settings, answerLimit: .seconds(5))
            try await fixture.signalLibvirtd("STOP")
            let start = ContinuousClock.now
            await expectFailure(.temporary, "cannot define server 42: the hypervisor does not answer") {
                try await hypervisor.define(fixture.guest)
            }
            #expect(ContinuousClock.now - start < .seconds(15))
            try await fixture.signalLibvirtd("CONT")
            // Runs after the definition that was given up, on the same connection.
            try await hypervisor.stop(fixture.id, server: fixture.server)
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .absent)
        }
    }

    @Test func whatLibvirtRefusesIsPermanent() async throws {
        try await Fixture.run { fixture in
            var guest = fixture.guest
            guest.vcpus = 100_000
            await expectFailure(.permanent, "cannot define server 42: the hypervisor refused") {
                try await fixture.hypervisor.define(guest)
            }
        }
    }

    @Test func aGuestsReportChannelReachesTheReaderAcrossALibvirtdRestart() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            #expect(try await fixture.host.run("stat", ["-c", "%a %U", fixture.reportPath]) == "600 root\n")
            #expect(try await fixture.hypervisor.report(of: fixture.id, instanceID: "i-1") == nil)
            try await fixture.host.restartLibvirtd()
            try await fixture.sayAsGuest(#"{"instance_id":"i-1","boot_id":"b","status":"done","errors":[],"host_keys":[]}"#)
            let deadline = ContinuousClock.now + .seconds(20)
            var report: GuestReport?
            while report == nil, ContinuousClock.now < deadline {
                report = try await fixture.hypervisor.report(of: fixture.id, instanceID: "i-1")
            }
            #expect(report?.status == "done")
        }
    }

    @Test func thePowerButtonIsPressedAndAGuestWithoutASystemIgnoresIt() async throws {
        try await Fixture.run { fixture in
            let hypervisor = fixture.hypervisor
            try await hypervisor.shutDown(fixture.id, server: fixture.server)
            try await hypervisor.define(fixture.guest)
            try await hypervisor.shutDown(fixture.id, server: fixture.server)
            try await hypervisor.start(fixture.id, server: fixture.server)
            for _ in 1...3 { try await hypervisor.shutDown(fixture.id, server: fixture.server) }
            #expect(try await hypervisor.state(of: fixture.id) == .active)
        }
    }

    @Test func aResetKeepsTheGuestOnAndStartsOneThatIsOff() async throws {
        try await Fixture.run { fixture in
            let hypervisor = fixture.hypervisor
            await expectFailure(.permanent, "cannot reset server 42: it is not defined") {
                try await hypervisor.reset(fixture.id, server: fixture.server)
            }
            try await hypervisor.define(fixture.guest)
            try await hypervisor.reset(fixture.id, server: fixture.server)
            #expect(try await hypervisor.state(of: fixture.id) == .active)
            let process = try await fixture.host.run("pgrep", ["qemu-system"])
            _ = try await fixture.virsh("suspend", fixture.domain)
            for _ in 1...2 { try await hypervisor.reset(fixture.id, server: fixture.server) }
            #expect(try await fixture.host.run("pgrep", ["qemu-system"]) == process, "the guest was started anew")
            #expect(try await fixture.virsh("domstate", fixture.domain).contains("running"))
        }
    }

    @Test func aPasswordNeedsPowerAndAnAgent() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            await expectFailure(.permanent, "cannot set the password of server 42: it is off; power it on first") {
                _ = try await fixture.hypervisor.setPassword("$6$a$b", of: fixture.id, server: fixture.server)
            }
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            let isSet = try await fixture.hypervisor.setPassword("$6$a$b", of: fixture.id, server: fixture.server)
            #expect(!isSet, "nobody can have set it")
        }
    }

    @Test func guestsThatHavePowerAreListed() async throws {
        try await Fixture.run { fixture in
            #expect(try await fixture.hypervisor.activeGuests() == [])
            try await fixture.hypervisor.define(fixture.guest)
            #expect(try await fixture.hypervisor.activeGuests() == [])
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            #expect(try await fixture.hypervisor.activeGuests() == [fixture.id])
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            #expect(try await fixture.hypervisor.activeGuests() == [])
        }
    }

    private func expectEverythingRefused(_ fixture: Fixture) async throws {
        let refusal = "its identity belongs to a guest that is not this server's"
        let hypervisor = fixture.hypervisor
        await expectFailure(.needsOperator, refusal) { try await hypervisor.define(fixture.guest) }
        await expectFailure(.needsOperator, refusal) { try await hypervisor.start(fixture.id, server: fixture.server) }
        await expectFailure(.needsOperator, refusal) { try await hypervisor.stop(fixture.id, server: fixture.server) }
        await expectFailure(.needsOperator, refusal) { try await hypervisor.shutDown(fixture.id, server: fixture.server) }
        await expectFailure(.needsOperator, refusal) { try await hypervisor.reset(fixture.id, server: fixture.server) }
        await expectFailure(.needsOperator, refusal) {
            _ = try await hypervisor.setPassword("$6$a$b", of: fixture.id, server: fixture.server)
        }
        await expectFailure(.needsOperator, refusal) {
            try await hypervisor.add(
                upTo: GuestSize(vcpus: 64, memory: Mebibytes(4_096)), to: fixture.id, server: fixture.server)
        }
        await expectFailure(.needsOperator, refusal) {
            _ = try await hypervisor.growDisk(of: fixture.id, server: fixture.server, to: Gibibytes(64))
        }
        await expectFailure(.needsOperator, refusal) {
            _ = try await hypervisor.freeze(fixture.id, server: fixture.server)
        }
        await expectFailure(.needsOperator, refusal) { _ = try await hypervisor.thaw(fixture.id, server: fixture.server) }
        await expectFailure(.needsOperator, refusal) {
            _ = try await hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: "\(fixture.host.directory)/copy", whenBegun: {}, report: { _ in })
        }
        await expectFailure(.needsOperator, refusal) {
            _ = try await hypervisor.flattenDisk(
                of: fixture.id, server: fixture.server, mebibytesPerSecond: 1, report: { _ in })
        }
        await expectFailure(.needsOperator, refusal) {
            try await hypervisor.endCopies(of: fixture.id, server: fixture.server)
        }
        await expectFailure(.needsOperator, refusal) { try await hypervisor.undefine(fixture.id, server: fixture.server) }
    }
}

extension Fixture {
    /// Writes a line where QEMU writes what the guest sends: into its end of a pipe to virtlogd.
    func sayAsGuest(_ line: String) async throws {
        let script = #"""
            pid=$(pgrep -f "guest=$1,")
            log=$(readlink /proc/$pid/fd/2)
            for fd in /proc/$pid/fd/*; do
                end=$(readlink $fd)
                case $end in "$log") ;; pipe:*) printf '%s\n' "$2" >$fd; exit ;; esac
            done
            echo "QEMU holds no pipe but its log's"; exit 1
            """#
        try await host.run("bash", ["-euc", script, "bash", domain, line])
    }
}

/// Expects a failure of this kind whose message ends so.
func expectFailure(
    _ kind: Failure.Kind, _ ending: String, _ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
) async {
    do {
        try await body()
        Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch let failure as Failure {
        #expect(failure.kind == kind, "\(failure)", sourceLocation: sourceLocation)
        #expect(failure.message.hasSuffix(ending), "\(failure)", sourceLocation: sourceLocation)
    } catch {
        Issue.record(error, sourceLocation: sourceLocation)
    }
}
