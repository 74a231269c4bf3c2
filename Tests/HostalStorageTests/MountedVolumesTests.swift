import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// On real mounts: a tmpfs that is unmounted in the middle, and a FUSE file system that stops answering.
@Suite(.serialized) struct MountedVolumesTests {
    private static let patience = MountedBench.patience

    private enum Bench {
        static func mounted(_ body: (MountedBench) async throws -> Void) async throws {
            let bench = try await MountedBench.up()
            do { try await body(bench) } catch {
                await bench.end()
                throw error
            }
            await bench.end()
        }

        /// The second value is the file server behind the mount.
        static func served(_ body: (MountedBench, PassthroughMount) async throws -> Void) async throws {
            let bench = try await MountedBench()
            let server = try await PassthroughMount.up(try bench.root.subdirectory("served").path, at: bench.mountPoint.path)
            do {
                try await bench.volumes().mark()
                try await body(bench, server)
            } catch {
                server.setSilent(false)
                await server.down()
                throw error
            }
            await server.down()
        }
    }

    @Test func overlaysHaveTheirImageOnThePoolForEveryHost() async throws {
        try await Bench.mounted { bench in
            let volume = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            let copy = "\(bench.mountPoint.path)/images/\(bench.image.digest.hex).qcow2"
            #expect(volume.backing == VolumeBacking(source: .file(path: copy), format: .qcow2))
            #expect(try Data(contentsOf: URL(filePath: copy)) == Data(contentsOf: URL(filePath: bench.image.path)))
            #expect(mode(of: copy) == 0o444)
            #expect(try await bench.open(volume).equals(bench.image))
            try Data("cut off".utf8).write(to: URL(filePath: copy))
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.kind == .needsOperator, "\(failure)")
        }
    }

    /// Not even with the mark on the disk below.
    @Test func theDiskBelowAMountPointIsNeverThePool() async throws {
        try await Bench.mounted { bench in
            let volumes = try bench.volumes()
            try await bench.unmount()
            try Data("\(bench.pool)\n".utf8).write(to: URL(filePath: bench.mountPoint.path(of: ".hostal-pool")))
            for failure in [
                try await VolumeStoreRules.failure {
                    _ = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
                },
                try await VolumeStoreRules.failure { _ = try await volumes.space() },
            ] { #expect(failure.kind == .temporary, "\(failure)") }
            let marking = try await VolumeStoreRules.failure { try await volumes.mark() }
            #expect(marking.detail?.contains("nothing is mounted") == true, "\(marking)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: bench.mountPoint.path) == [".hostal-pool"])
        }
    }

    @Test func aMountThatHangsIsATemporaryFailureAndHoldsUpNobodyElse() async throws {
        try await Bench.served { bench, server in
            let volumes = try bench.volumes()
            let volume = try await volumes.clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            server.setSilent(true)
            let began = ContinuousClock.now
            for failure in [
                try await VolumeStoreRules.failure { _ = try await volumes.remains(of: volume.name.guest) },
                try await VolumeStoreRules.failure { try await volumes.remove(volume.name) },
                try await VolumeStoreRules.failure { _ = try await volumes.space() },
            ] {
                #expect(failure.kind == .temporary && failure.detail?.contains("'\(bench.pool)'") == true, "\(failure)")
            }
            // The first has waited, and the others were refused at once.
            #expect(ContinuousClock.now - began < Self.patience * 2)
            let threads = try threadCount()
            for _ in 0..<100 { _ = try await VolumeStoreRules.failure { _ = try await volumes.space() } }
            #expect(try threadCount() <= threads + 2, "a hung pool takes a thread for each call")
            try await Bench.mounted { other in
                let asked = ContinuousClock.now
                _ = try await other.volumes().clone(other.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
                #expect(ContinuousClock.now - asked < .seconds(10))
            }
            server.setSilent(false)
            try await waitUntil("the pool is back") { try await self.answers { _ = try await volumes.space() } }
            #expect(try await volumes.size(of: volume) == 1 << 30)
        }
    }

    /// The server falls silent while a disk is copied: the call is given up, and the pool refused until its thread is back.
    @Test func aCloneThatHangsHalfWayIsGivenUpAndMadeAnew() async throws {
        try await Bench.served { bench, server in
            let volumes = try bench.volumes(.fullCopy)
            let name = VolumeStoreRules.newName()
            let clone = Task { try await volumes.clone(bench.image, to: name, size: Gibibytes(1)) }
            try await waitUntil("a partial file is there") {
                try FileManager.default.subpathsOfDirectory(atPath: server.directory).contains { $0.contains(".part-") }
            }
            server.setSilent(true)
            let failure = try await VolumeStoreRules.failure { _ = try await clone.value }
            #expect(failure.kind == .temporary && failure.detail?.contains("'\(bench.pool)'") == true, "\(failure)")
            #expect(await volumes.abandoned == 1)
            server.setSilent(false)
            try await waitUntil("the thread is back") { await volumes.abandoned == 0 }
            let volume = try await volumes.clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try await volumes.remains(of: name.guest).count == 1)
            #expect(try await bench.open(volume).equals(bench.image))
        }
    }

    private func answers(_ call: () async throws -> Void) async throws -> Bool {
        do { try await call() } catch is Failure { return false }
        return true
    }

    private func threadCount() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count }
}
