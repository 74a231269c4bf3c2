import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// A server's disk becomes an image while the server goes on, another server is made of it, and the first needs its own image no more.
@Suite struct TinyCopyTests {
    private static let bootLimit = Duration.seconds(240)

    @Test(.timeLimit(.minutes(20))) func aServerIsCopiedWhileItRunsAndFlattened() async throws {
        let image = try await TinyImage.file()
        try await TestHost.with("copy", cluster: try await PostgresCluster.shared()) { host in
            try await host.register(name: "tiny", file: image, virtualSize: 64 << 20)
            try await host.makeDisksToFlatten(true)
            let owner = try await Owner(host)
            try await host.startWorker(engine: ["reboot_patience_seconds": "20"])

            func done(_ order: OrderID) async throws {
                let end = try await host.finished(order, within: Self.bootLimit)
                try #require(end.state == "succeeded", "\(end)")
            }
            try await done(try await host.order("s", name: "first", image: "tiny", extra: owner.keys))
            let boot = "cat /proc/sys/kernel/random/boot_id"
            let firstBoot = try await owner.run("echo precious > /data/file; sync; \(boot)")

            let firstKeys = try await owner.hostKeys()
            let asked = ContinuousClock.now
            try await done(try await host.order("create_image", 1, for: "s", ["description": try JSONText(encoding: "before")]))
            print("tiny copy: an image of a running server took \(ContinuousClock.now - asked)")
            #expect(try await owner.run("echo later > /data/file; sync; \(boot)") == firstBoot, "it was restarted")
            let made = try #require(
                try await host.database.query("select id, location from hostal.images where account_id is not null and active")
                    .first)
            let info = try await Command("qemu-img", ["info", try made.get(1, as: String.self)]).run()
            #expect(!info.contains("backing file"), "\(info)")

            // Its disk needs no image: it goes on, and starts again, when the image's bytes are gone from the host.
            let server: ServerID = try #require(try await host.database.query("select id from hostal.servers").first).get(0)
            let flattening = ContinuousClock.now
            try await done(try await DiskOrders(database: host.database).flatten(server))
            print("tiny copy: flattening a running server took \(ContinuousClock.now - flattening)")
            #expect(try await owner.run("cat /data/file; \(boot)") == "later\n\(firstBoot)", "it was restarted")
            for file in try FileManager.default.contentsOfDirectory(atPath: "\(host.directory)/images") {
                try FileManager.default.removeItem(atPath: "\(host.directory)/images/\(file)")
            }
            try await done(try await host.order("reboot", 2, for: "s"))
            #expect(try await owner.run("cat /data/file") == "later")
            try await done(try await host.orderDeletion(of: "s"))

            // The copy is of the moment that it was asked for, and another server: other keys, its own name.
            try await done(
                try await host.order("t", name: "second", image: "\(made.get(0, as: Int64.self))", extra: owner.keys))
            // It has the first server's address at once, and the host remembers for some seconds whose that was.
            try await waitUntil("the copy answers, with the disk of that moment", within: .seconds(60)) {
                do { return try await owner.run("cat /data/file") == "precious" } catch is CommandError { return false }
            }
            #expect(try await owner.hostKeys() != firstKeys, "it took the first server's host keys for its own")
            try await done(try await host.orderDeletion(of: "t"))
            #expect(try await host.leftovers() == [])
        }
    }
}
