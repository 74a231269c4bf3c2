import FoundationEssentials
import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Synchronization
import Testing

/// Copies of disks that real QEMU processes write to.
@Suite(.serialized) struct LiveCopiesTests {
    @Test func aCopyIsTheDiskAtThatMomentAndTheGuestWritesOn() async throws {
        try await Fixture.run(code: BootSectors.writer) { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let path = try await fixture.copies() + "/copy.qcow2"
            try Data("an earlier one".utf8).write(to: URL(filePath: path))
            try Data("half of one".utf8).write(to: URL(filePath: path + ".part-dead"))
            try await fixture.start()
            try await waitUntil("the guest writes") { try await fixture.writes() > 20 }
            let process = try await fixture.host.run("pgrep", ["qemu-system"])
            let before = try await fixture.writes()
            let atOnce = Mutex(0)
            let words = Mutex<[String]>([])
            let isCopied = try await fixture.hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: path,
                whenBegun: {
                    await expectNoError {
                        let writes = try await fixture.writes()
                        atOnce.withLock { $0 = writes }
                        try await fixture.slow()
                        try await waitUntil("the guest writes on") { try await fixture.writes() > writes + 40 }
                        try await fixture.hurry()
                    }
                },
                report: { text in words.withLock { $0.append(text) } })
            #expect(isCopied)
            let pieces = try await LiveDisk.pieces(in: path)
            let begun = atOnce.withLock { $0 }
            #expect((before...begun).contains(pieces), "\(pieces) of \(before) to \(begun)")
            #expect(words.withLock { $0 }.allSatisfy { $0.contains(/^the copy of the disk, [0-9]+ % done$/) })
            #expect(try await disk.isCopied(to: path))
            #expect(try await !LiveDisk.hasBacking(path))
            #expect(try await Command("stat", ["-c", "%a %U", path]).run() == "600 root\n")
            #expect(try await fixture.host.run("pgrep", ["qemu-system"]) == process)
            #expect(try names(beside: path) == ["copy.qcow2", "copy.qcow2.raw"])

            // Twice, and the guest has gone on.
            #expect(try await copy(fixture, to: path))
            #expect(try await LiveDisk.pieces(in: path) > pieces + 40)
        }
    }

    @Test func aCancelledCopyLeavesNothingAndTheGuestGoesOn() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let path = try await fixture.copies() + "/copy.qcow2"
            try await fixture.start()
            let hasBegun = Flag()
            let copying = Task {
                try await fixture.hypervisor.copyDisk(
                    of: fixture.id, server: fixture.server, to: path,
                    whenBegun: {
                        await expectNoError { try await fixture.slow() }
                        hasBegun.raise()
                    }, report: { _ in })
            }
            try await waitUntil("the copy has begun") { hasBegun.isRaised }
            #expect(try await fixture.isCopying())
            let asked = ContinuousClock.now
            copying.cancel()
            await expectFailure(.temporary, "cannot copy the disk of server 42: the worker is stopping") {
                _ = try await copying.value
            }
            #expect(ContinuousClock.now - asked < .seconds(5))
            #expect(try await !fixture.isCopying())
            #expect(try names(beside: path) == [])
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
            #expect(try await copy(fixture, to: path))
            #expect(try await disk.isCopied(to: path))
        }
    }

    @Test func whatADeadWorkerBeganIsEndedBeforeTheNextBegins() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let path = try await fixture.copies() + "/copy.qcow2"
            try await fixture.start()
            for _ in 1...2 { try await fixture.hypervisor.endCopies(of: fixture.id, server: fixture.server) }
            try await fixture.beginAndAbandon(copyTo: path + ".part-dead")
            for _ in 1...2 {
                try await fixture.hypervisor.endCopies(of: fixture.id, server: fixture.server)
                #expect(try await !fixture.isCopying())
            }
            try await fixture.beginAndAbandon(copyTo: path + ".part-dead")
            #expect(try await copy(fixture, to: path))
            #expect(try await disk.isCopied(to: path))
            #expect(try names(beside: path) == ["copy.qcow2"])
            // One that was flattening.
            _ = try await fixture.virsh("blockpull", fixture.domain, "vda", "--bandwidth", "1")
            #expect(try await copy(fixture, to: path))
            #expect(try await disk.isCopied(to: path))
            #expect(try await LiveDisk.hasBacking(disk.path))
            // What that one did is of no use to a later one whose own comes to nothing.
            await expectFailure(.temporary, "cannot copy the disk of server 42: the hypervisor gave up") {
                _ = try await fixture.hypervisor.copyDisk(
                    of: fixture.id, server: fixture.server, to: path,
                    whenBegun: {
                        await expectNoError {
                            try await fixture.slow()
                            _ = try await fixture.virsh("domjobabort", fixture.domain)
                        }
                    }, report: { _ in })
            }
            #expect(try names(beside: path) == [])
        }
    }

    @Test func aGuestThatIsOffOrGoesOffIsNotCopied() async throws {
        try await Fixture.run { fixture in
            _ = try await LiveDisk(of: fixture, .large)
            let path = try await fixture.copies() + "/copy.qcow2"
            #expect(try await !copy(fixture, to: path))
            try await fixture.hypervisor.define(fixture.guest)
            #expect(try await !copy(fixture, to: path))
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            let isCopied = try await fixture.hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: path,
                whenBegun: {
                    await expectNoError {
                        try await fixture.slow()
                        _ = try await fixture.virsh("destroy", fixture.domain)
                    }
                }, report: { _ in })
            #expect(!isCopied)
            #expect(try names(beside: path) == [])
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            #expect(try await copy(fixture, to: path))
        }
    }

    @Test func aRestartOfLibvirtdDoesNotEndACopy() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let path = try await fixture.copies() + "/copy.qcow2"
            try await fixture.start()
            let restarted = Flag()
            let isCopied = try await fixture.hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: path,
                whenBegun: {
                    await expectNoError {
                        try await fixture.slow()
                        try await fixture.host.stopLibvirtd()
                        Task {
                            // The copy has looked for libvirt in vain by then, four times.
                            try await Task.sleep(for: .seconds(2))
                            try await fixture.host.startLibvirtd()
                            try await fixture.hurry()
                            restarted.raise()
                        }
                    }
                }, report: { _ in })
            #expect(isCopied && restarted.isRaised)
            #expect(try await disk.isCopied(to: path))
            #expect(try names(beside: path) == ["copy.qcow2"])
        }
    }

    @Test func aGuestThatStandsStillForItsCopysSakeGoesOn() async throws {
        try await Fixture.run(code: BootSectors.writer) { fixture in
            _ = try await LiveDisk(of: fixture, .larger)
            let copies = try await fixture.copies()
            // Seen by QEMU alone: to the hypervisor there seems to be room.
            try await fixture.host.run("mount", ["-t", "tmpfs", "-o", "size=1g,mode=711", "copies", copies])
            try await fixture.start()
            try await waitUntil("the guest writes") { try await fixture.writes() > 20 }
            await expectFailure(.temporary, "cannot copy the disk of server 42: the hypervisor gave up") {
                _ = try await fixture.hypervisor.copyDisk(
                    of: fixture.id, server: fixture.server, to: copies + "/copy.qcow2",
                    whenBegun: {
                        await expectNoError {
                            try await fixture.slow()
                            try await fixture.host.run("bash", ["-c", "cat /dev/zero >\(copies)/fill || true"])
                            try await waitUntil("the guest stands still") {
                                try await fixture.state().contains("paused (I/O error)")
                            }
                        }
                    }, report: { _ in })
            }
            #expect(try await fixture.state().contains("running"))
            let writes = try await fixture.writes()
            try await waitUntil("the guest writes on") { try await fixture.writes() > writes + 20 }
        }
    }

    @Test func aCopyThatFillsItsFileSystemFailsAndLeavesTheGuestAlone() async throws {
        try await Fixture.run(code: BootSectors.writer) { fixture in
            _ = try await LiveDisk(of: fixture, .large)
            let copies = try await fixture.copies()
            try await fixture.host.run("mount", ["-t", "tmpfs", "-o", "size=64m,mode=711", "copies", copies])
            try await fixture.start()
            await expectFailure(.permanent, "cannot copy the disk of server 42: there is no room for the copy") {
                _ = try await copy(fixture, to: copies + "/copy.qcow2")
            }
            #expect(try await fixture.host.run("ls", [copies]) == "")
            #expect(try await fixture.state().contains("running"))
        }
    }

    /// The hypervisor sees the library through a mount that QEMU does not have.
    @Test func aLibraryThatHangsHoldsUpNobodyElse() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let (copies, stored) = (try await fixture.copies(), "\(fixture.host.directory)/stored")
            _ = try await Command("mkdir", ["-m", "711", stored]).run()
            try await fixture.host.run("mount", ["--bind", stored, copies])
            let mount = try await PassthroughMount.up(stored, at: copies)
            try await fixture.start()
            let path = "\(copies)/copy.qcow2"
            let copying = Task {
                try await fixture.hypervisor.copyDisk(
                    of: fixture.id, server: fixture.server, to: path,
                    whenBegun: {
                        await expectNoError { try await fixture.slow() }
                        mount.setSilent(true)
                    }, report: { _ in })
            }
            await expectNoError {
                try await waitUntil("the copy has begun") { try await fixture.isCopying() }
                // Some looks at the library long.
                let end = ContinuousClock.now + .seconds(2)
                while ContinuousClock.now < end {
                    let asked = ContinuousClock.now
                    #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
                    #expect(ContinuousClock.now - asked < .seconds(2))
                }
                mount.setSilent(false)
                try await fixture.hurry()
                #expect(try await copying.value, "it may hang for a while")
                #expect(try await disk.isCopied(to: "\(stored)/copy.qcow2"))
            }
            copying.cancel()
            mount.setSilent(false)
            _ = await copying.result
            await mount.down()
        }
    }

    @Test func withoutAnAgentNothingIsFrozenAndNobodyWaits() async throws {
        try await Fixture.run { fixture in
            let (hypervisor, id, server) = (fixture.hypervisor, fixture.id, fixture.server)
            #expect(try await !hypervisor.freeze(id, server: server))
            #expect(try await hypervisor.thaw(id, server: server))
            try await hypervisor.define(fixture.guest)
            #expect(try await !hypervisor.freeze(id, server: server))
            #expect(try await hypervisor.thaw(id, server: server))
            try await hypervisor.start(id, server: server)
            let asked = ContinuousClock.now
            #expect(try await !hypervisor.freeze(id, server: server))
            #expect(try await hypervisor.thaw(id, server: server))
            #expect(ContinuousClock.now - asked < .seconds(5))
        }
    }

    private func copy(_ fixture: Fixture, to path: String) async throws -> Bool {
        try await fixture.hypervisor.copyDisk(
            of: fixture.id, server: fixture.server, to: path, whenBegun: {}, report: { _ in })
    }

    private func names(beside path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: URL(filePath: path).deletingLastPathComponent().path).sorted()
    }
}

extension Fixture {
    func start() async throws {
        try await hypervisor.define(guest)
        try await hypervisor.start(id, server: server)
    }

    /// As a worker does that dies right after.
    fileprivate func beginAndAbandon(copyTo path: String) async throws {
        let document = "\(host.directory)/backup.xml"
        let xml = """
            <domainbackup mode='push'><disks><disk name='vda' backup='yes' type='file'>
            <driver type='qcow2'/><target file='\(path)'/></disk></disks></domainbackup>
            """
        try Data(xml.utf8).write(to: URL(filePath: document))
        try await host.run(
            "bash", ["-euc", "virsh -q backup-begin $1 $2; virsh -q blockjob $1 vda --bandwidth 1", "bash", domain, document])
        #expect(try await isCopying())
    }
}

/// For what cannot throw.
func expectNoError(sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void) async {
    do { try await body() } catch { Issue.record(error, sourceLocation: sourceLocation) }
}

/// Raised once.
final class Flag: Sendable {
    private let state = Atomic(false)
    var isRaised: Bool { state.load(ordering: .acquiring) }
    func raise() { state.store(true, ordering: .releasing) }
}
