import FoundationEssentials
import Glibc
import HostalModel
import HostalProvisioning
import HostalStorage
import HostalSystem
import HostalTestKit
import Testing

/// Against a real server on loopback.
@Suite(.serialized) struct NFSVolumesTests {
    private static let empty = [".hostal-pool", "images"]

    /// On two hosts, which no lock keeps apart: the image is copied once, and the disk appears once.
    @Test func twoHostsAtOnceLeaveOneImageAndNothingHalf() async throws {
        try await NFSBench.with { bench in
            try await VolumeStoreRules.twoStoresAtOnceMakeOneVolume(bench)
            #expect(try bench.names() == Self.empty)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: bench.path("images")) == ["\(bench.image.digest.hex).qcow2"])
        }
    }

    @Test func theImageIsCopiedOnceWithAllItsBytesAndNobodyMayWriteIt() async throws {
        try await NFSBench.with { bench in
            let volume = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            let copy = bench.path("images/\(bench.image.digest.hex).qcow2")
            #expect(try Data(contentsOf: URL(filePath: copy)) == Data(contentsOf: URL(filePath: bench.image.path)))
            #expect(mode(of: copy) == 0o444)
            #expect(
                volume.backing?.source
                    == .nfs(
                        server: bench.server.address, path: "/export/images/\(bench.image.digest.hex).qcow2", user: 0, group: 0))
            let first = try #require(inode(of: copy))
            _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            #expect(inode(of: copy) == first)
            // A copy that is not whole is nobody's image.
            try Data("cut off".utf8).write(to: URL(filePath: copy))
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.kind == .needsOperator, "\(failure)")
        }
    }

    @Test func whatADeadCloneLeftIsRemovedByTheNext() async throws {
        try await NFSBench.with { bench in
            let name = VolumeStoreRules.newName()
            let foreign = "\(VolumeName(guest: name.guest, generation: 11)).part-alive"
            for partial in ["\(name).part-dead", foreign] {
                try Data("half".utf8).write(to: URL(filePath: bench.path(partial)))
            }
            #expect(try await bench.volumes().remains(of: name.guest).count == 2)
            _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try bench.names() == [".hostal-pool", "images", "\(name).qcow2", foreign].sorted())
            try await bench.volumes().remove(name)
            #expect(try bench.names() == [".hostal-pool", "images", foreign].sorted())
        }
    }

    /// Of a worker that was killed half way, an hour ago by the server's clock; one that is being written stays.
    @Test func anImagesDeadCopyIsRemovedAndALiveOneIsNot() async throws {
        try await NFSBench.with { bench in
            let (dead, live) = (bench.path("images/a.qcow2.part-dead"), bench.path("images/b.qcow2.part-live"))
            for path in [dead, live] { try Data("half".utf8).write(to: URL(filePath: path)) }
            _ = try await Command("touch", ["-d", "2 hours ago", dead]).run()
            _ = try await bench.volumes().clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            #expect(inode(of: dead) == nil && inode(of: live) != nil)
        }
    }

    @Test func aFileThatIsNotTheVolumeIsNeitherUsedNorOverwritten() async throws {
        try await NFSBench.with { bench in
            let name = VolumeStoreRules.newName()
            let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            let hostile = QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw").bytes
            try Data(hostile).write(to: URL(filePath: bench.path("\(name).qcow2")))
            for failure in [
                try await VolumeStoreRules.failure {
                    _ = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
                },
                try await VolumeStoreRules.failure { _ = try await bench.volumes().grow(volume, to: Gibibytes(2)) },
                try await VolumeStoreRules.failure { _ = try await bench.volumes().size(of: volume) },
            ] {
                #expect(failure.kind == .needsOperator && failure.detail?.contains("/etc/shadow") == true, "\(failure)")
                #expect(!failure.message.contains("/"))
            }
            #expect(try Data(contentsOf: URL(filePath: bench.path("\(name).qcow2"))) == Data(hostile))
        }
    }

    @Test func anExportWithoutTheMarkAndOneThatIsNotThereAreNeverEmptyPools() async throws {
        try await NFSBench.with { bench in
            let name = VolumeStoreRules.newName()
            var missing = bench.export
            missing.path = "/absent"
            let other = try await VolumeStoreRules.failure {
                _ = try await bench.volumes(PoolName("nfs-b")).remains(of: name.guest)
            }
            #expect(other.kind == .temporary && other.detail?.contains("is pool 'nfs-a'") == true, "\(other)")
            let taken = try await VolumeStoreRules.failure { try await bench.volumes(PoolName("nfs-b")).mark() }
            #expect(taken.kind == .needsOperator, "\(taken)")
            let absent = try await VolumeStoreRules.failure { try await bench.volumes(export: missing).remove(name) }
            #expect(absent.kind == .temporary && absent.detail?.contains("/absent") == true, "\(absent)")
            try FileManager.default.removeItem(atPath: bench.path(".hostal-pool"))
            let bare = try await VolumeStoreRules.failure { try await bench.volumes().remove(name) }
            #expect(bare.kind == .temporary && bare.detail?.contains("no mark") == true, "\(bare)")
        }
    }

    @Test func aReserveThatWouldBeTouchedRefusesTheClone() async throws {
        try await NFSBench.with { bench in
            let available = try await bench.volumes().space().available
            let failure = try await VolumeStoreRules.failure {
                _ = try await bench.volumes(headroom: available + 1)
                    .clone(bench.image, to: VolumeStoreRules.newName(), size: Gibibytes(1))
            }
            #expect(failure.code == .storageFull && failure.kind == .permanent)
            #expect(try bench.names() == Self.empty)
        }
    }

    /// The child dies by SIGKILL as soon as a partial file is there, be it the image's or the disk's.
    @Test func aCloneKilledInTheMiddleIsMadeAnew() async throws {
        try await NFSBench.with { bench in
            let name = VolumeStoreRules.newName()
            let (address, directory, locks, image) = (
                bench.server.address, bench.server.directory, bench.root.directory.path(of: "locks"), bench.image
            )
            let images = URL(filePath: image.path).deletingLastPathComponent().path()
            let child = await #expect(processExitsWith: .signal(SIGKILL)) {
                [
                    address = address as String, directory = directory as String, locks = locks as String,
                    images = images as String,
                    image = image as StoredImage, name = name as VolumeName
                ] in
                let volumes = NFSVolumes(
                    name: PoolName("nfs-a"), export: NFSExport(server: address, path: "/export", user: 0, group: 0),
                    images: try #require(Directory(images.hasSuffix("/") ? String(images.dropLast()) : images)),
                    locks: try #require(Directory(locks)), headroom: 0)
                let clone = Task { try await volumes.clone(image, to: name, size: Gibibytes(1)) }
                let end = ContinuousClock.now + .seconds(30)
                while ContinuousClock.now < end {
                    for place in [directory, "\(directory)/images"] {
                        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
                        if names.contains(where: { $0.contains(".part-") }) { kill(getpid(), SIGKILL) }
                    }
                    await Task.yield()
                }
                _ = try await clone.value
            }
            #expect(child != nil)
            let volume = try await bench.volumes().clone(bench.image, to: name, size: Gibibytes(1))
            #expect(try bench.names() == [".hostal-pool", "images", "\(name).qcow2"].sorted())
            #expect(try await bench.open(volume).equals(bench.image))
        }
    }

    private func inode(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }
}
