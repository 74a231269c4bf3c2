import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// What real QEMU processes can be given while they run.
@Suite(.serialized) struct LiveGrowthTests {
    private static func size(_ vcpus: Int, _ memory: Int) -> GuestSize { GuestSize(vcpus: vcpus, memory: Mebibytes(memory)) }

    @Test func aGuestThatRunsIsGivenMoreOnceHoweverOftenItIsSaid() async throws {
        try await Fixture.run(liveGrowth: 4) { fixture in
            let hypervisor = fixture.hypervisor
            try await hypervisor.define(fixture.guest)
            #expect(try await hypervisor.room(of: fixture.id) == nil)
            try await hypervisor.start(fixture.id, server: fixture.server)
            let first = try #require(try await hypervisor.room(of: fixture.id))
            #expect(first.now == Self.size(2, 64) && first.most == Self.size(8, 256))
            let process = try await fixture.host.run("pgrep", ["qemu-system"])
            for _ in 1...2 {
                try await hypervisor.add(upTo: Self.size(2, 192), to: fixture.id, server: fixture.server)
                #expect(try await hypervisor.room(of: fixture.id)?.now == Self.size(2, 192))
            }
            for _ in 1...2 {
                try await hypervisor.add(upTo: Self.size(3, 192), to: fixture.id, server: fixture.server)
                #expect(try await hypervisor.room(of: fixture.id)?.now == Self.size(3, 192))
            }
            // Nothing is ever taken away.
            try await hypervisor.add(upTo: Self.size(1, 64), to: fixture.id, server: fixture.server)
            #expect(try await hypervisor.room(of: fixture.id)?.now == Self.size(3, 192))
            for _ in 1...2 { #expect(try await hypervisor.growDisk(of: fixture.id, server: fixture.server, to: Gibibytes(2))) }
            await expectFailure(
                .permanent, "cannot make the disk of server 42 1 GiB long: it has 2 GiB, and a disk can only grow"
            ) {
                _ = try await hypervisor.growDisk(of: fixture.id, server: fixture.server, to: Gibibytes(1))
            }
            #expect(try await fixture.host.run("pgrep", ["qemu-system"]) == process, "the guest was started anew")

            // What the next start makes of it is the definition's to say.
            var larger = fixture.guest
            larger.vcpus = 3
            larger.memory = Mebibytes(192)
            try await hypervisor.define(larger)
            try await hypervisor.stop(fixture.id, server: fixture.server)
            try await hypervisor.add(upTo: Self.size(4, 320), to: fixture.id, server: fixture.server)
            #expect(try await !hypervisor.growDisk(of: fixture.id, server: fixture.server, to: Gibibytes(2)))
            try await hypervisor.start(fixture.id, server: fixture.server)
            let second = try #require(try await hypervisor.room(of: fixture.id))
            #expect(second.now == Self.size(3, 192) && second.most == Self.size(12, 768))
        }
    }

    @Test func aGuestWithoutRoomSaysSo() async throws {
        try await Fixture.run { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            let room = try #require(try await fixture.hypervisor.room(of: fixture.id))
            #expect(room.now == room.most && room.now == Self.size(2, 64))
            #expect(!room.holds(Self.size(2, 192)) && room.holds(Self.size(2, 64)))
        }
    }
}
