import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalTestKit
import Testing

/// Over a real libvirtd, with guests that are nothing but a boot sector.
@Suite(.serialized) struct LibvirtConsolesTests {
    private func run(
        _ code: [UInt8] = BootSectors.echo, _ body: (Fixture, _ open: (Bool) async throws -> any SerialLine) async throws -> Void
    ) async throws {
        try await Fixture.run(code: code) { fixture in
            try await fixture.hypervisor.define(fixture.guest)
            try await fixture.hypervisor.start(fixture.id, server: fixture.server)
            let host = ConsoleHost(name: "other", libvirtURI: fixture.host.libvirtURI)
            let consoles = LibvirtConsoles(own: nil)
            try await body(fixture) { force in
                try await consoles.open(fixture.id, of: fixture.server, on: host, force: force)
            }
        }
    }

    /// Types a letter until it comes back: the guest needs a moment to start, and drops what comes before.
    private func echo(_ letter: UInt8, _ line: any SerialLine) async throws {
        let heard = Task {
            while let bytes = await line.read() { if bytes.contains(letter) { return true } }
            return false
        }
        let typing = Task {
            while !Task.isCancelled {
                try await line.write([letter])
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        let alarm = Task {
            try await Task.sleep(for: .seconds(30))
            heard.cancel()
        }
        #expect(await heard.value, "the guest did not say \(letter)")
        typing.cancel()
        alarm.cancel()
    }

    @Test func aGuestIsTypedToAndHeard() async throws {
        try await run { fixture, open in
            let line = try await open(false)
            try await echo(0x61, line)
            await line.close()
            await line.close()
            await #expect(throws: ConsoleFailure.closed) { try await line.write([0x62]) }
            // What is closed can be opened again, and the power's end is the line's.
            let again = try await open(false)
            try await echo(0x63, again)
            try await fixture.hypervisor.stop(fixture.id, server: fixture.server)
            while await again.read() != nil {}
            #expect(!again.isOverrun)
            await again.close()
            await #expect(throws: ConsoleFailure.off) { _ = try await open(false) }
        }
    }

    @Test func oneProgramHasALineAndForceTakesItOver() async throws {
        try await run { _, open in
            let first = try await open(false)
            try await echo(0x61, first)
            await #expect(throws: ConsoleFailure.inUse) { _ = try await open(false) }
            let second = try await open(true)
            while await first.read() != nil {}
            try await echo(0x62, second)
            await first.close()
            await second.close()
        }
    }

    @Test func aGuestThatIsNotHeardEndsItsLineAndNothingElse() async throws {
        try await run(BootSectors.shout) { fixture, open in
            let line = try await open(false)
            try await waitUntil("more was said than is kept", within: .seconds(60)) { line.isOverrun }
            var kept = 0
            while let bytes = await line.read() { kept += bytes.count }
            #expect(kept > 1 << 19 && kept <= 1 << 20)
            await line.close()
            #expect(try await fixture.hypervisor.state(of: fixture.id) == .active)
        }
    }

    @Test func anotherServersGuestAndAnUnknownAddressAreRefused() async throws {
        try await run { fixture, _ in
            let consoles = LibvirtConsoles(own: ConsoleHost(name: "here", libvirtURI: fixture.host.libvirtURI))
            let here = ConsoleHost(name: "here", libvirtURI: nil)
            await #expect(throws: ConsoleFailure.self) {
                _ = try await consoles.open(fixture.id, of: ServerID(999), on: here, force: true)
            }
            await #expect(throws: ConsoleFailure.noAddress) {
                _ = try await consoles.open(
                    fixture.id, of: fixture.server, on: ConsoleHost(name: "there", libvirtURI: nil), force: false)
            }
            let line = try await consoles.open(fixture.id, of: fixture.server, on: here, force: false)
            await line.close()
        }
    }
}
