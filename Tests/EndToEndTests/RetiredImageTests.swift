import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// What becomes of images that are not on sale any more, on the host and on an NFS server.
@Suite(.serialized) struct RetiredImageTests {
    @Test(.timeLimit(.minutes(10))) func anImageLeavesHostAndPoolAfterTheLastDiskThatIsBuiltOnIt() async throws {
        try await StorageServer.with(.nfs, on: "retired") { host, server in
            var far = Samples.plan
            far.name = "far"
            far.storage = StorageServer.storage
            try await host.add(far)
            // cli; hlt; jump back to the hlt; and what nobody executes.
            func offer(_ name: String, _ mark: UInt8) async throws -> String {
                try await host.importImage(of: [0xFA, 0xF4, 0xEB, 0xFD, mark], file: "image-\(mark)", name: name)
                return "\(try digest(of: "\(host.directory)/image-\(mark).qcow2")).qcow2"
            }
            func isOnHost(_ image: String) -> Bool { FileManager.default.fileExists(atPath: "\(host.directory)/images/\(image)") }
            let poolImages = try #require(server.images)
            func isInPool(_ image: String) -> Bool { FileManager.default.fileExists(atPath: "\(poolImages)/\(image)") }
            func succeed(_ order: OrderID) async throws {
                let end = try await host.finished(order)
                try #require(end.state == "succeeded", "\(end)")
            }

            await host.startStandIn()
            let worker = try await host.startWorker(engine: ["purge_interval_seconds": "0.2"])
            let (first, other) = (try await offer("x", 1), try await offer("y", 2))
            try await succeed(try await host.order("far", image: "x", plan: "far"))
            try await succeed(try await host.order("near", image: "x"))
            for plan in ["far", "small"] {
                try await succeed(try await host.order("gone-\(plan)", image: "y", plan: plan))
                try await succeed(try await host.orderDeletion(of: "gone-\(plan)"))
            }
            #expect([first, other].allSatisfy { isOnHost($0) && isInPool($0) })

            let second = try await offer("x", 3)
            let told = try await hostalctl(host, ["image", "retire", "y"])
            #expect(told.contains("image y: retired"))
            // The one that nothing needs goes, and so the rounds have passed the other.
            try await waitUntil("the unneeded image is gone", within: .seconds(30)) { !isOnHost(other) && !isInPool(other) }
            #expect(isOnHost(first) && isInPool(first))
            let log = try await host.log(of: worker)
            #expect(log.contains("image sha256:\(other.dropLast(6)) has left this host"), "\(log)")
            let list = try await hostalctl(host, ["image", "list", "--all"])
            #expect(list.contains(/x +on sale +0 +0 +0/) && list.contains(/x +retired +2 +0 +0/), "\(list)")
            await #expect(throws: CommandError.self) { try await hostalctl(host, ["image", "retire", "y"]) }

            // A customer's own, made and deleted.
            let made = try await host.order("create_image", 1, for: "near")
            try await succeed(made)
            let row = try #require(
                try await host.database.query("select id, account_id, location from hostal.images where order_id = \(made)").first
            )
            let location: String = try row.get(2)
            #expect(FileManager.default.fileExists(atPath: location))
            _ = try await host.database.query(
                "select hostal.delete_image(\(try row.get(1, as: Int64.self)), \(try row.get(0, as: Int64.self)))")
            try await waitUntil("the deleted image is gone", within: .seconds(30)) {
                !FileManager.default.fileExists(atPath: location)
            }

            try await succeed(try await host.orderDeletion(of: "far"))
            try await succeed(try await host.order("new", image: "x", plan: "far"))
            #expect(isOnHost(first))
            try await succeed(try await host.orderDeletion(of: "near"))
            try await waitUntil("the replaced image is gone", within: .seconds(30)) { !isOnHost(first) && !isInPool(first) }
            #expect(isOnHost(second) && isInPool(second))
            // Nothing else was complained about.
            #expect(try await !host.log(of: worker).contains("cannot remove images"))
        }
    }

    private func digest(of file: String) throws -> String {
        var sum = Digesting(.sha256)
        Array(try Data(contentsOf: URL(filePath: file))).withUnsafeBytes { sum.update($0) }
        return sum.hexadecimal()
    }

    private func hostalctl(_ host: TestHost, _ words: [String]) async throws -> String {
        try await Command(TestHost.hostalctl, words + ["--database", host.connection]).run()
    }
}
