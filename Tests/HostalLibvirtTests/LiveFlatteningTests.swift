import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Disks over an image that real QEMU processes are made to need no more.
@Suite(.serialized) struct LiveFlatteningTests {
    @Test func aFlattenedDiskReadsTheSameAndItsGuestGoesOn() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture)
            try await fixture.start()
            let process = try await fixture.host.run("pgrep", ["qemu-system"])
            for _ in 1...2 { #expect(try await flatten(fixture)) }
            #expect(try await !LiveDisk.hasBacking(disk.path))
            #expect(try await fixture.host.run("pgrep", ["qemu-system"]) == process)
            for flags in [[], ["--inactive"]] {
                let document = try await fixture.host.run("virsh", ["dumpxml", fixture.domain] + flags)
                #expect(!document.contains(disk.image))
            }
            // Whoever records it afterwards defines it so.
            var flat = fixture.with(epoch: 4)
            flat.root.backing = nil
            try await fixture.hypervisor.define(flat)
            _ = try await Command("mv", [disk.image, disk.image + ".away"]).run()
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            #expect(try await disk.isCopied(to: disk.path))
            #expect(try await !flatten(fixture))
        }
    }

    @Test func aDefinitionThatStillNamesTheImageDoesNoHarm() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture)
            let copy = try await fixture.copies() + "/copy.qcow2"
            try await fixture.start()
            #expect(try await flatten(fixture))
            try await fixture.hypervisor.define(fixture.with(epoch: 4))
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            #expect(try await fixture.virsh("dumpxml", fixture.domain).contains(disk.image))
            // As QEMU reads it, over the image again.
            let isCopied = try await fixture.hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: copy, whenBegun: {}, report: { _ in })
            #expect(isCopied)
            #expect(try await disk.isCopied(to: copy))
            #expect(try await flatten(fixture))
            #expect(try await !LiveDisk.hasBacking(disk.path))
        }
    }

    @Test func halfFlattenedTheDiskIsWholeAndTheNextGoesOn() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            let copy = try await fixture.copies() + "/copy.qcow2"
            try await fixture.start()
            let hasBegun = Flag()
            let flattening = Task {
                try await fixture.hypervisor.flattenDisk(
                    of: fixture.id, server: fixture.server, mebibytesPerSecond: 1,
                    report: { words in
                        if words.contains(/^the copy of the image into the disk, [0-9]+ % done$/) { hasBegun.raise() }
                    })
            }
            try await waitUntil("it has begun") { hasBegun.isRaised }
            let asked = ContinuousClock.now
            flattening.cancel()
            await expectFailure(.temporary, "cannot copy the image into the disk of server 42: the worker is stopping") {
                _ = try await flattening.value
            }
            #expect(ContinuousClock.now - asked < .seconds(5))
            #expect(try await !fixture.isCopying())
            #expect(try await LiveDisk.hasBacking(disk.path))
            let isCopied = try await fixture.hypervisor.copyDisk(
                of: fixture.id, server: fixture.server, to: copy, whenBegun: {}, report: { _ in })
            #expect(isCopied)
            #expect(try await disk.isCopied(to: copy))

            // Of a worker that died, which QEMU goes on with at its own pace.
            _ = try await fixture.virsh("blockpull", fixture.domain, "vda", "--bandwidth", "1")
            #expect(try await fixture.isCopying())
            #expect(try await flatten(fixture))
            #expect(try await !LiveDisk.hasBacking(disk.path))
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            #expect(try await disk.isCopied(to: disk.path))
        }
    }

    @Test func aGuestThatIsOffOrGoesOffIsNotFlattened() async throws {
        try await Fixture.run { fixture in
            let disk = try await LiveDisk(of: fixture, .large)
            #expect(try await !flatten(fixture))
            try await fixture.start()
            async let isFlat = fixture.hypervisor.flattenDisk(
                of: fixture.id, server: fixture.server, mebibytesPerSecond: 1, report: { _ in })
            try await waitUntil("it has begun") { try await fixture.isCopying() }
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            #expect(try await !isFlat)
            #expect(try await LiveDisk.hasBacking(disk.path))
            #expect(try await disk.isCopied(to: disk.path))
        }
    }

    @Test func aDiskOnAStorageNetworkIsCopiedAndFlattenedAsWell() async throws {
        try await Fixture.run { fixture in
            let server = try await NFSServer.up(in: fixture.host)
            do {
                let disk = try await LiveDisk(in: server.directory, boot: "\(fixture.host.directory)/base.raw")
                let copies = try await fixture.copies()
                func source(_ name: String) -> VolumeSource {
                    .nfs(server: server.address, path: "\(server.export)/\(name).qcow2", user: 0, group: 0)
                }
                var guest = fixture.guest
                guest.root.source = source("disk")
                guest.root.backing = VolumeBacking(source: source("base"), format: .qcow2)
                try await fixture.hypervisor.define(guest)
                try await fixture.hypervisor.start(fixture.id, server: fixture.server)
                for name in ["before", "after"] {
                    let isCopied = try await fixture.hypervisor.copyDisk(
                        of: fixture.id, server: fixture.server, to: "\(copies)/\(name)", whenBegun: {}, report: { _ in })
                    #expect(isCopied)
                    #expect(try await disk.isCopied(to: "\(copies)/\(name)"))
                    #expect(try await flatten(fixture))
                }
                #expect(try await !LiveDisk.hasBacking(disk.path))
                try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
                #expect(try await disk.isCopied(to: disk.path))
            } catch {
                await server.down()
                throw error
            }
            await server.down()
        }
    }

    private func flatten(_ fixture: Fixture) async throws -> Bool {
        try await fixture.hypervisor.flattenDisk(
            of: fixture.id, server: fixture.server, mebibytesPerSecond: 4_096, report: { _ in })
    }
}
