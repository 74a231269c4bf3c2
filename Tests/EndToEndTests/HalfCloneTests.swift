import FoundationEssentials
import Glibc
import HostalDatabase
import HostalModel
import HostalProvisioning
import HostalSystem
import HostalTestKit
import Testing

/// Workers that are killed in the middle of a clone's effect, with something half made on a real storage server.
@Suite(.serialized) struct HalfCloneTests {
    /// Where a clone is half done.
    private enum Half: Sendable {
        /// So many bytes of something are on the server.
        case written(Int64)
        /// A tool that has this in its arguments has done its work, and does not come back.
        case ran(program: String, with: String)
    }

    /// In the order in which a clone comes to them.
    private static func halves(on kind: PoolKind) -> [Half] {
        switch kind {
        // The pool's copy of the image, then the disk over it.
        case .nfs: [.written(8 << 20), .ran(program: "prlimit", with: " create ")]
        case .iscsi: [.written(8 << 20)]
        // The import of the image, then the disk before it has its mark and its name.
        case .rbd: [.ran(program: "rbd", with: " import "), .ran(program: "rbd", with: " clone ")]
        case .local: []
        }
    }

    /// So that writing it takes seconds, in bytes.
    private static let imageSize: Int64 = 512 << 20

    @Test(.timeLimit(.minutes(5)), arguments: StorageServer.kinds)
    func whatAKilledWorkerLeftIsRemovedByTheNext(on kind: PoolKind) async throws {
        try await StorageServer.with(kind, on: "half") { host, server in
            try await host.importHaltedImage(name: "small")
            if kind != .rbd { try await importLargeImage(to: host) }
            await host.startStandIn()
            var plan = Samples.plan
            (plan.name, plan.storage) = ("half", StorageServer.storage)
            try await host.add(plan)
            let order = try await host.order("s", image: kind == .rbd ? "small" : "large", plan: "half")
            var left: Set<String> = []
            for half in Self.halves(on: kind) {
                try await die(at: half, host, server)
                let found = try await Set(server.partials().keys)
                #expect(!found.subtracting(left).isEmpty, "\(kind): nothing is half made")
                left.formUnion(found)
                let isOver = try await OrderReader(database: host.database).order(order)?.isOver
                #expect(isOver == false)
            }
            try await host.startWorker()
            let end = try await host.finished(order)
            #expect(end.state == "succeeded", "\(kind): \(end)")
            #expect(try await server.disks().count == 1)
            if let images = server.images { try await expectStaleCopiesToGo(images, host, server) }
            #expect(try await server.partials() == [:])
            #expect(try await host.finished(try await host.orderDeletion(of: "s")).state == "succeeded")
            #expect(try await host.leftovers() + server.leftovers() == [])
        }
    }

    /// Full of data, and halts at once.
    private func importLargeImage(to host: TestHost) async throws {
        let (raw, file) = ("\(host.directory)/large.raw", "\(host.directory)/large.qcow2")
        _ = try await Command(
            "sh",
            [
                "-c",
                "head -c \(Self.imageSize) /dev/zero | tr '\\0' U > \(raw) && dd if=\(host.directory)/halted.raw of=\(raw) "
                    + "conv=notrunc status=none && qemu-img convert -f raw -O qcow2 \(raw) \(file) && rm \(raw)",
            ]
        ).run()
        try await host.register(name: "large", file: file, virtualSize: Self.imageSize)
    }

    private func die(at half: Half, _ host: TestHost, _ server: StorageServer) async throws {
        switch half {
        case .written(let bytes):
            let victim = try await host.startWorker()
            try await waitUntil("\(bytes) bytes are written", within: .seconds(60)) {
                try await server.partials().values.contains { $0 >= bytes }
            }
            await victim.kill9()
        case .ran(let program, let part):
            let tools = "\(host.directory)/tools-\(program)-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
            let script = """
                #!/bin/sh
                /usr/bin/\(program) "$@" || exit
                case "$*" in *'\(part)'*) echo $$ > \(tools)/new && mv \(tools)/new \(tools)/pid && kill -STOP $$ ;; esac
                """
            try Data("\(script)\n".utf8).write(to: URL(filePath: "\(tools)/\(program)"))
            chmod("\(tools)/\(program)", 0o755)
            let victim = try await host.startWorker(tools: tools)
            try await waitUntil("\(program) has run", within: .seconds(60)) {
                FileManager.default.fileExists(atPath: "\(tools)/pid")
            }
            await victim.kill9()
            let text = try String(contentsOfFile: "\(tools)/pid", encoding: .utf8)
            kill(try #require(pid_t(text.filter(\.isNumber))), SIGKILL)
        }
    }

    /// Nobody can tell a dead host's half copy of an image from a live one's until an hour after its last write.
    private func expectStaleCopiesToGo(_ images: String, _ host: TestHost, _ server: StorageServer) async throws {
        let copies = try await server.partials().keys.filter { $0.hasPrefix(images) }
        #expect(copies.count == 1, "\(copies)")
        for copy in copies { _ = try await Command("touch", ["-d", "2 hours ago", copy]).run() }
        let end = try await host.finished(try await host.order("next", image: "small", plan: "half"))
        #expect(end.state == "succeeded", "\(end)")
        #expect(try await host.finished(try await host.orderDeletion(of: "next")).state == "succeeded")
    }
}
