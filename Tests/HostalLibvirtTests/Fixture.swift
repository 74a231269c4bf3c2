import FoundationEssentials
import HostalLibvirt
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit

/// A guest whose disk holds one boot sector, `cli; hlt`: it starts, does nothing, and needs no memory to speak of.
struct Fixture: Sendable {
    let host: DisposableHost
    let settings: HypervisorSettings
    let hypervisor: LibvirtHypervisor
    let guest: GuestDefinition

    var id: GuestID { guest.names.guest }
    var server: ServerID { guest.names.server }
    var domain: String { guest.names.domain }
    var reportPath: String { "\(host.directory)/reports/\(id).log" }

    /// Runs `body` on a host of its own, and takes the host down afterwards.
    /// `code` is what the guest's boot sector does.
    static func run(
        code: [UInt8] = [0xfa, 0xf4], liveGrowth: Int = 1, _ body: (Fixture) async throws -> Void
    ) async throws {
        let host = try await DisposableHost.up(name: "libvirt")
        do {
            try await body(try await Fixture(host, code, liveGrowth))
        } catch {
            try await host.down()
            throw error
        }
        try await host.down()
    }

    private init(_ host: DisposableHost, _ code: [UInt8], _ liveGrowth: Int) async throws {
        self.host = host
        let base = "\(host.directory)/base.qcow2"
        let disk = "\(host.directory)/disk.qcow2"
        let seed = "\(host.directory)/seed.iso"
        var sector = Data(repeating: 0, count: 1 << 20)
        sector.replaceSubrange(0..<code.count, with: code)
        sector.replaceSubrange(510..<512, with: [0x55, 0xaa])
        try sector.write(to: URL(filePath: "\(host.directory)/base.raw"))
        try Data(repeating: 0, count: 64 << 10).write(to: URL(filePath: seed))
        _ = try await Command("qemu-img", ["convert", "-O", "qcow2", "\(host.directory)/base.raw", base]).run()
        _ = try await Command("qemu-img", ["create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", disk]).run()
        guest = try .sample(disk: disk, base: base, seed: seed)
        settings = HypervisorSettings(
            uri: host.libvirtURI, accelerator: .tcg, reportDirectory: "\(host.directory)/reports", liveGrowth: liveGrowth,
            memoryGrowthFrom: Mebibytes(0))
        hypervisor = LibvirtHypervisor(settings)
    }

    /// Sends libvirtd a signal: `STOP`, `CONT`.
    func signalLibvirtd(_ signal: String) async throws {
        try await host.run("bash", ["-c", "kill -\(signal) $(cat /run/libvirt/libvirtd.pid)"])
    }

    func virsh(_ arguments: String...) async throws -> String { try await host.run("virsh", ["--quiet"] + arguments) }

    func with(epoch: Int64) -> GuestDefinition {
        var other = guest
        other.epoch = epoch
        return other
    }
}

struct Unusable: Error {}

extension GuestDefinition {
    static func sample(
        disk: String = "/srv/disks/a.qcow2", base: String = "/srv/images/b.qcow2", seed: String = "/srv/seeds/s.iso"
    ) throws -> GuestDefinition {
        guard let mac = MACAddress("02:00:00:00:00:2a"),
            let uuid = UUID(uuidString: "3F2A0000-0000-4000-8000-00000000002A")
        else { throw Unusable() }
        let names = GuestNames(server: ServerID(42), guest: GuestID(uuid))
        let root = Volume(
            name: VolumeName(guest: names.guest, generation: 1), pool: PoolName("local"), source: .file(path: disk),
            format: .qcow2,
            size: 1 << 20, backing: VolumeBacking(source: .file(path: base), format: .qcow2))
        return GuestDefinition(
            names: GuestNamesRecord(names), vcpus: 2, memory: Mebibytes(64), root: root, seedPath: seed, mac: mac, bridge: "br0",
            tap: names.tap, order: OrderID(7), epoch: 3)
    }
}
