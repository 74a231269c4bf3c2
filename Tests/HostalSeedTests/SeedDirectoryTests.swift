import Foundation
import Glibc
import HostalModel
import HostalProvisioning
import HostalSystem
import Testing

@testable import HostalSeed

@Suite struct SeedImageTests {
    /// What the image holds according to xorriso, read by Rock Ridge or by Joliet.
    private func extract(_ image: [UInt8], rockRidge: Bool = true) async throws -> [String: String] {
        try await withDirectory { directory in
            try Data(image).write(to: URL(filePath: "\(directory)/seed.iso"))
            let tree = rockRidge ? "any" : "norock"
            _ = try await Command(
                "xorriso",
                ["-osirrox", "on", "-read_fs", tree, "-indev", "\(directory)/seed.iso", "-extract", "/", "\(directory)/tree"]
            ).run()
            var found: [String: String] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(directory)/tree") {
                found[name] = try read("\(directory)/tree/\(name)")
            }
            return found
        }
    }

    @Test(arguments: [true, false])
    func theFilesAreReadBackByRockRidgeAndByJoliet(rockRidge: Bool) async throws {
        let templates = try SeedTemplates.load(from: shippedTemplates)
        for userData in [nil, "", hostileTexts.joined(separator: "\n"), String(repeating: "x", count: UserData.sizeLimit)] {
            let files = try templates.files(for: contents(userData: userData))
            let found = try await extract(SeedImage.build(files), rockRidge: rockRidge)
            #expect(found == Dictionary(uniqueKeysWithValues: files.map { ($0.name, $0.contents) }))
            #expect(Set(found.keys) == ["meta-data", "user-data", "vendor-data", "network-config"])
        }
    }

    @Test func theVolumeIsLabelledForCloudInit() async throws {
        let image = try SeedImage.build([SeedFile(name: "meta-data", contents: "x")])
        try await withDirectory { directory in
            try Data(image).write(to: URL(filePath: "\(directory)/seed.iso"))
            let blkid = try await Command("blkid", ["-p", "-o", "export", "\(directory)/seed.iso"]).run().split(separator: "\n")
            #expect(blkid.contains("LABEL=cidata"))
            #expect(blkid.contains("TYPE=iso9660"))
        }
    }

    @Test func equalFilesGiveEqualBytesAndOthersDoNot() async throws {
        let templates = try SeedTemplates.load(from: shippedTemplates)
        let files = try templates.files(for: contents())
        let images = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 1...20 { group.addTask { try SeedImage.build(files) } }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(images.count == 1)
        #expect(try !images.contains(SeedImage.build(templates.files(for: contents(hostname: "web2")))))
    }

    @Test func allTimesInAnImageAreOneFixedTimeInUTC() throws {
        let image = try SeedImage.build([SeedFile(name: "meta-data", contents: "x")])
        // ISO 9660: the volume descriptor is in sector 16; its creation time is at 813, the root directory's recording time at 156 + 18.
        let descriptor = image[(16 * 2_048)...]
        let created = descriptor.dropFirst(813).prefix(17)
        #expect(Array(created) == Array("2024010100000000".utf8) + [0])
        #expect(Array(descriptor.dropFirst(156 + 18).prefix(7)) == [124, 1, 1, 0, 0, 0, 0])
    }
}

@Suite struct SeedDirectoryTests {
    private let guest = GuestID(UUID())
    private var disk: VolumeName { VolumeName(guest: guest, generation: 1) }

    private func withSeeds(_ body: (SeedDirectory, String) async throws -> Void) async throws {
        let templates = try SeedTemplates.load(from: shippedTemplates)
        try await withDirectory { try await body(SeedDirectory(path: "\($0)/seeds", templates: templates), "\($0)/seeds") }
    }

    private func status(_ path: String) throws -> stat {
        var status = stat()
        try #require(lstat(path, &status) == 0, "\(path): error \(errno)")
        return status
    }

    @Test func aSeedIsReadableByItsOwnerOnlyAndItsDirectoryCanBePassedButNotListed() async throws {
        try await withSeeds { seeds, path in
            let stored = try await seeds.write(try contents(), for: disk)
            #expect(stored.path == "\(path)/\(disk).iso")
            #expect(try status(stored.path).st_mode == S_IFREG | 0o600)
            #expect(try status(path).st_mode & 0o777 == 0o711)
            #expect(try await seeds.remains(of: guest) == ["\(disk).iso"])
        }
    }

    @Test func theSameContentsWrittenTwiceLeaveTheFileAlone() async throws {
        try await withSeeds { seeds, _ in
            let first = try await seeds.write(try contents(), for: disk)
            // As libvirt does for a running guest.
            #expect(chown(first.path, 64_055, 64_055) == 0)
            let before = try status(first.path)
            let second = try await seeds.write(try contents(), for: disk)
            let after = try status(second.path)
            #expect(first == second)
            #expect(before.st_ino == after.st_ino)
            #expect(after.st_uid == 64_055)
        }
    }

    @Test func otherContentsReplaceTheFileWhole() async throws {
        try await withSeeds { seeds, _ in
            let stored = try await seeds.write(try contents(hostname: "old"), for: disk)
            let old = try status(stored.path).st_ino
            _ = try await seeds.write(try contents(hostname: "new"), for: disk)
            #expect(try status(stored.path).st_ino != old)
            let image = try Data(contentsOf: URL(filePath: stored.path))
            #expect(image.range(of: Data("local-hostname: \"new\"".utf8)) != nil)
            #expect(try await seeds.remains(of: guest) == ["\(disk).iso"])
        }
    }

    @Test func aFileThatOthersMayReadOrThatIsALinkIsReplaced() async throws {
        try await withSeeds { seeds, path in
            let stored = try await seeds.write(try contents(), for: disk)
            #expect(chmod(stored.path, 0o644) == 0)
            _ = try await seeds.write(try contents(), for: disk)
            #expect(try status(stored.path).st_mode == S_IFREG | 0o600)

            #expect(rename(stored.path, "\(path)/elsewhere") == 0)
            #expect(symlink("\(path)/elsewhere", stored.path) == 0)
            _ = try await seeds.write(try contents(), for: disk)
            #expect(try status(stored.path).st_mode == S_IFREG | 0o600)
        }
    }

    @Test func removingTwiceEqualsOnceAndTakesInterruptedWritesAlong() async throws {
        try await withSeeds { seeds, path in
            try await seeds.remove(for: disk)
            #expect(try await seeds.remains(of: guest) == [])
            let other = VolumeName(guest: GuestID(UUID()), generation: 1)
            _ = try await seeds.write(try contents(), for: disk)
            _ = try await seeds.write(try contents(), for: other)
            try write("half", to: "\(path)/\(disk).iso.partial-1")
            #expect(try await seeds.remains(of: guest) == ["\(disk).iso", "\(disk).iso.partial-1"])
            try await seeds.remove(for: disk)
            try await seeds.remove(for: disk)
            #expect(try await seeds.remains(of: guest) == [])
            #expect(try await seeds.remains(of: other.guest) == ["\(other).iso"])
        }
    }

    @Test func eachDiskHasASeedOfItsOwnAndAllGoTogether() async throws {
        try await withSeeds { seeds, _ in
            let names = [1, 2, 21].map { VolumeName(guest: guest, generation: $0) }
            for name in names { _ = try await seeds.write(try contents(hostname: "web\(name.generation)"), for: name) }
            try await seeds.remove(for: names[1])
            #expect(try await seeds.remains(of: guest) == ["\(names[0]).iso", "\(names[2]).iso"])
            let other = VolumeName(guest: GuestID(UUID()), generation: 1)
            _ = try await seeds.write(try contents(), for: other)
            for _ in 1...2 { try await seeds.removeAll(of: guest) }
            #expect(try await seeds.remains(of: guest) == [])
            #expect(try await seeds.remains(of: other.guest) == ["\(other).iso"])
        }
    }

    @Test func writersOfOneGuestAtOnceLeaveOneWholeSeed() async throws {
        try await withSeeds { seeds, path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...8 {
                    group.addTask { _ = try await seeds.write(try contents(hostname: "web\(number)"), for: disk) }
                }
                try await group.waitForAll()
            }
            #expect(try await seeds.remains(of: guest) == ["\(disk).iso"])
            let listed = try await Command("xorriso", ["-indev", "\(path)/\(disk).iso", "-find", "/", "-type", "f"]).run()
            #expect(listed.contains("'/user-data'"))
        }
    }

    @Test func whatTheCustomerGotWrongIsPermanentAndLeavesNothing() async throws {
        try await withSeeds { seeds, _ in
            let failure = try await #require(throws: Failure.self) {
                try await seeds.write(try contents(sshKeys: ["ssh-ed25519 AAAA\nruncmd: [reboot]"]), for: disk)
            }
            #expect(failure.kind == .permanent)
            #expect(failure.code == .invalidInput)
            #expect(try await seeds.remains(of: guest) == [])
        }
    }

    @Test func aDirectoryThatRefusesNeedsAnOperatorAndItsPathStaysFromTheCustomer() async throws {
        let templates = try SeedTemplates.load(from: shippedTemplates)
        try await withDirectory { directory in
            try write("a file", to: "\(directory)/file")
            for path in ["\(directory)/absent/seeds", "\(directory)/file"] {
                let failure = try await #require(throws: Failure.self) {
                    try await SeedDirectory(path: path, templates: templates).write(try contents(), for: disk)
                }
                #expect(failure.kind == .needsOperator)
                #expect(!failure.message.contains(directory))
                #expect(failure.detail?.contains(path) == true)
            }
        }
    }
}
