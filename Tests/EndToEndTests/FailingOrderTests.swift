import FoundationEssentials
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Orders that cannot be carried out: a clear error in the order, and nothing left.
@Suite(.serialized) struct FailingOrderTests {
    private func expectFailure(
        _ host: TestHost, _ order: OrderID, code: String, message: String, keeping kept: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let end = try await host.finished(order)
        #expect(end.state == "failed", "\(end)", sourceLocation: sourceLocation)
        #expect(end.errorCode == code, "\(end)", sourceLocation: sourceLocation)
        #expect(end.errorMessage?.contains(message) == true, "\(end)", sourceLocation: sourceLocation)
        let left = try await host.leftovers()
        #expect(left == kept, sourceLocation: sourceLocation)
    }

    @Test func aHostWithoutRoom() async throws {
        try await TestHost.with("room", cluster: try await PostgresCluster.shared()) { host in
            try await host.reset(vcpus: 0)
            try await host.importHaltedImage()
            try await host.startWorker()
            try await expectFailure(
                host, try await host.order("s"), code: "resource_unavailable", message: "no host has 1 vCPUs, 128 MiB of memory")
        }
    }

    @Test func anExhaustedAddressPool() async throws {
        try await TestHost.with("addresses", cluster: try await PostgresCluster.shared(), addresses: 1) { host in
            try await host.importHaltedImage()
            await host.startStandIn()
            try await host.startWorker()
            #expect(try await host.finished(try await host.order("first")).state == "succeeded")
            let before = try await host.leftovers()
            try await expectFailure(
                host, try await host.order("second"), code: "resource_unavailable", message: "no IPv4 address is free",
                keeping: before)
        }
    }

    @Test func aMissingBridge() async throws {
        try await TestHost.with("bridge", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            try await host.machine.run("ip", ["link", "delete", TestHost.bridge])
            try await host.startWorker(engine: ["attempts": "2"])
            try await expectFailure(
                host, try await host.order("s"), code: "network_unavailable", message: "cannot connect to the network")
        }
    }

    @Test func anImageWithAnotherDigest() async throws {
        try await TestHost.with("digest", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage(digest: String(repeating: "0", count: 64))
            try await host.startWorker()
            try await expectFailure(host, try await host.order("s"), code: "image_unavailable", message: "'halted'")
        }
    }

    @Test func aFullDisk() async throws {
        try await TestHost.with("full", cluster: try await PostgresCluster.shared()) { host in
            try await host.importHaltedImage()
            let volumes = "\(host.directory)/volumes"
            try FileManager.default.createDirectory(atPath: volumes, withIntermediateDirectories: true)
            _ = try await Command("mount", ["-t", "tmpfs", "-o", "size=8m,mode=711", "tmpfs", volumes]).run()
            do {
                try Data("local-test\n".utf8).write(to: URL(filePath: "\(volumes)/.hostal-pool"))
                try await host.startWorker(engine: ["attempts": "2"])
                try await expectFailure(host, try await host.order("s"), code: "storage_full", message: "disk")
                await host.killWorkers()
            } catch {
                _ = try await Command("umount", [volumes]).run()
                throw error
            }
            _ = try await Command("umount", [volumes]).run()
        }
    }

    @Test func aWorkerDoesNotStartOverAPoolThatIsNotMounted() async throws {
        try await TestHost.with("unmounted", cluster: try await PostgresCluster.shared()) { host in
            let first = try await host.startWorker()
            try await waitUntil("the worker is ready") { try await host.log(of: first).contains("is ready") }
            await first.kill9()
            // What an unmounted file system leaves: the empty directory below it, or none.
            try FileManager.default.moveItem(atPath: "\(host.directory)/volumes", toPath: "\(host.directory)/elsewhere")
            let second = try await host.startWorker(initialising: false)
            let end = try await second.end(within: .seconds(20))
            let log = try await host.log(of: second)
            #expect(end == .exit(1), "\(log)")
            #expect(log.contains("is not this host's disk pool: mount it"), "\(log)")
            #expect(!FileManager.default.fileExists(atPath: "\(host.directory)/volumes"))
        }
    }
}
