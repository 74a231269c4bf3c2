import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// The life of a server whose disk is in a pool of some kind, as its owner sees it over SSH.
struct StorageLife {
    let host: TestHost
    let owner: Owner
    /// Of the plans' class; the pool that has it is the caller's.
    let storage: String

    static let bootLimit = Duration.seconds(240)
    static let patience = ["reboot_patience_seconds": "20"]

    init(on host: TestHost, storage: String) async throws {
        self.host = host
        self.storage = storage
        owner = try await Owner(host)
        try await host.register(name: "tiny", file: try await TinyImage.file(), virtualSize: 64 << 20)
        for (name, disk) in [("stored", 1), ("stored-large", 2)] {
            var plan = Samples.plan
            plan.name = name
            plan.disk = Gibibytes(disk)
            plan.storage = storage
            try await host.add(plan)
        }
    }

    func create(_ reference: String = "s") async throws -> OrderID {
        try await host.order(reference, name: "life", image: "tiny", plan: "stored", extra: owner.keys)
    }

    func succeed(_ order: OrderID) async throws {
        let end = try await host.finished(order, within: Self.bootLimit)
        try #require(end.state == "succeeded", "\(end)")
    }

    /// Creates, reinstalls, resizes and deletes. `whileItRuns` happens to a guest that has just been created.
    func run(whileItRuns: () async throws -> Void = {}) async throws {
        try await succeed(try await create())
        _ = try await owner.run("echo precious > /data/file; sync")
        let definition = try await host.machine.run(
            "sh", ["-c", "virsh -c qemu:///system dumpxml $(virsh -c qemu:///system list --name)"])
        #expect(definition.contains("<backingStore/>") || definition.contains("<backingStore type"), "headers would be probed")
        try await whileItRuns()
        #expect(
            try await owner.run("cat /data/file; echo more > /data/more; sync; echo 3 > /proc/sys/vm/drop_caches; cat /data/more")
                == "precious\nmore")

        try await succeed(try await host.order("reinstall", 1, for: "s", ["image": try JSONText(encoding: "tiny")]))
        #expect(try await owner.run("cat /data/file 2>/dev/null || echo nothing") == "nothing")
        try await succeed(try await host.order("undo", 2, for: "s"))
        #expect(try await owner.run("cat /data/file") == "precious")

        try await succeed(
            try await host.order(
                "resize", 3, for: "s",
                ["plan": try JSONText(encoding: "stored-large"), "upgrade_disk": JSONText(text: "true")]))
        #expect(try await owner.run("cat /sys/class/block/vda/size /data/file") == "\(2 << 21)\nprecious")

        try await succeed(try await host.orderDeletion(of: "s"))
        #expect(try await host.leftovers() == [])
    }
}
