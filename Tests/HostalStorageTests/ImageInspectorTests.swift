import HostalModel
import HostalStorage
import Testing

@Suite struct ImageInspectorTests {
    private func sample(_ bytes: [UInt8]) -> ImageSample {
        ImageSample(
            head: Array(bytes.prefix(ImageSample.headLimit)), tail: Array(bytes.suffix(ImageSample.tailLimit)),
            size: Int64(bytes.count))
    }

    private func refusal(_ bytes: [UInt8], as format: DiskFormat) -> String? {
        do {
            _ = try ImageInspector.inspect(sample(bytes), as: format)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test(arguments: [
        QcowFixture(), QcowFixture(version: 2), QcowFixture(incompatible: 8), QcowFixture(incompatible: 16),
        QcowFixture(headerLength: 112), QcowFixture(size: 2 << 40, l1Entries: 4096),
        QcowFixture(extraExtension: (0x6803_F857, [UInt8](repeating: 7, count: 48))),
    ])
    func soundQcow2IsAccepted(_ image: QcowFixture) throws {
        let facts = try ImageInspector.inspect(sample(image.bytes), as: .qcow2)
        #expect(facts == ImageFacts(format: .qcow2, virtualSize: Int64(image.size)))
    }

    @Test func aRawDiskWithABootSectorIsAccepted() throws {
        let facts = try ImageInspector.inspect(sample(rawDisk()), as: .raw)
        #expect(facts == ImageFacts(format: .raw, virtualSize: 65536))
    }

    @Test(arguments: [
        (QcowFixture(backing: "/etc/shadow", backingFormat: "raw"), "backing file"),
        (QcowFixture(backing: "/etc/shadow"), "backing file"),
        (QcowFixture(version: 2, backing: "../../etc/shadow"), "backing file"),
        (QcowFixture(backing: "json:{\"driver\":\"raw\"}"), "backing file"),
        (QcowFixture(backing: "nbd://127.0.0.1:10809/x", backingFormat: "raw"), "backing file"),
        (QcowFixture(backingFormat: "raw"), "backing file"),
        (QcowFixture(backing: "/etc/shadow", backingLength: 0x7FFF_FFFF), "outside its header"),
        (QcowFixture(backingLength: 11), "backing file"),
        (QcowFixture(dataFile: "/etc/shadow", incompatible: 4), "in another file"),
        (QcowFixture(incompatible: 4), "in another file"),
        (QcowFixture(dataFile: "/etc/shadow"), "in another file"),
        (QcowFixture(incompatible: 1), "damaged"),
        (QcowFixture(incompatible: 2), "damaged"),
        (QcowFixture(incompatible: 1 << 40), "unknown qcow2 features (bits 0x10000000000)"),
        (QcowFixture(incompatible: 32), "unknown qcow2 features (bits 0x20)"),
        (QcowFixture(encryption: 1), "encrypted"),
        (QcowFixture(encryption: 2), "encrypted"),
        (QcowFixture(extraExtension: (0x0537_BE77, [UInt8](repeating: 0, count: 16))), "encrypted"),
        (QcowFixture(extraExtension: (0x2385_2875, [UInt8](repeating: 0, count: 24))), "bitmaps"),
        (QcowFixture(snapshots: 65536), "65536 internal snapshots"),
        (QcowFixture(size: (2 << 40) + 512, l1Entries: 8192), "at most 2 TiB"),
        (QcowFixture(size: 1 << 63, l1Entries: 8192), "larger than 8 EiB"),
        (QcowFixture(size: (1 << 63) - 512, l1Entries: 8192), "at most 2 TiB"),
        (QcowFixture(size: 0), "multiple of 512"),
        (QcowFixture(size: 1000), "multiple of 512"),
        (QcowFixture(size: 10 << 30, l1Entries: 1), "its disk needs 20"),
        (QcowFixture(l1Entries: 0x3FF_FFFF), "L1 table"),
        (QcowFixture(l1Offset: 64 << 16), "cut off"),
        (QcowFixture(l1Offset: (3 << 16) + 512), "outside the file"),
        (QcowFixture(l1Offset: .max << 16), "outside the file"),
        (QcowFixture(refcountClusters: 0), "refcount table"),
        (QcowFixture(refcountClusters: 0xFFFFFF), "refcount table"),
        (QcowFixture(version: 4), "version 4"),
        (QcowFixture(version: 1), "a qcow image of version 1"),
        (QcowFixture(clusterBits: 63), "2^63"),
        (QcowFixture(clusterBits: 8), "2^8"),
        (QcowFixture(headerLength: 96), "claims 96 bytes"),
        (QcowFixture(headerLength: 105), "claims 105 bytes"),
        (QcowFixture(refcountOrder: 7), "wider than 64 bits"),
    ])
    func hostileQcow2IsRefusedWithItsReason(_ image: QcowFixture, _ reason: String) throws {
        let said = try #require(refusal(image.bytes, as: .qcow2))
        #expect(said.contains(reason), "\(said)")
        #expect(refusal(image.bytes, as: .raw) != nil)
    }

    @Test func theLargestAcceptedDiskHasARefusedNeighbour() {
        let limit = UInt64(ImageInspector.virtualSizeLimit)
        #expect(refusal(QcowFixture(size: limit, l1Entries: 8192).bytes, as: .qcow2) == nil)
        #expect(refusal(QcowFixture(size: limit + 512, l1Entries: 8192).bytes, as: .qcow2) != nil)
    }

    @Test(arguments: [0, 1, 4, 71, 72, 103])
    func aCutOffHeaderIsRefused(_ length: Int) {
        #expect(refusal(Array(QcowFixture().bytes.prefix(length)), as: .qcow2) != nil)
    }

    @Test func aFileCutOffBehindItsHeaderIsRefused() {
        let bytes = QcowFixture().bytes
        #expect(refusal(Array(bytes.prefix((3 << 16) + 8)), as: .qcow2) == nil)
        #expect(refusal(Array(bytes.prefix((3 << 16) + 7)), as: .qcow2)?.contains("cut off") == true)
    }

    @Test func anExtensionThatReachesPastTheHeaderIsRefused() {
        var bytes = QcowFixture(extraExtension: (1, [])).bytes
        bytes.replaceSubrange(108..<112, with: [0x7F, 0xFF, 0xFF, 0xFF])
        #expect(refusal(bytes, as: .qcow2)?.contains("reaches past") == true)
    }

    /// No mutation of a sound header crashes the reader; each is accepted or refused with a sentence.
    @Test func noSingleByteOfTheHeaderCrashesTheReader() {
        let sound = QcowFixture(backingFormat: "raw", extraExtension: (0x4441_5441, Array("/x".utf8))).bytes
        for offset in 0..<160 {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = sound
                bytes[offset] = value
                let reason = refusal(bytes, as: .qcow2)
                #expect(reason != nil && reason != "")
            }
        }
    }

    private static let foreign: [(start: [UInt8], name: String)] = [
        (Array("# Disk DescriptorFile\nversion=1\nRW 2 FLAT \"/etc/shadow\" 0\n".utf8), "VMDK"),
        (Array("# any comment\n\n  \nversion=1\nRW 2 FLAT \"/etc/shadow\" 0\n".utf8), "VMDK"),
        (Array("KDMV\u{1}".utf8), "VMDK"), (Array("COWD".utf8), "VMDK"), (Array("QED\0".utf8), "QED"),
        (Array("conectix".utf8), "VHD"),
        (Array("vhdxfile".utf8), "VHDX"), (Array("<<< Oracle VM VirtualBox Disk Image >>>\n".utf8), "VDI"),
        (Array("LUKS".utf8) + [0xBA, 0xBE], "LUKS"), ([0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 1], "qcow image of version 1"),
        ([0x1F, 0x8B, 8], "gzip"), ([0xFD] + Array("7zXZ\0".utf8), "xz"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd"),
        (Array("BZh9".utf8), "bzip2"),
        (Array("WithoutFreeSpace".utf8), "Parallels"),
    ]

    @Test(arguments: foreign.indices, [DiskFormat.raw, .qcow2])
    func aForeignFormatIsRefusedByNameWhateverItIsCalled(_ index: Int, _ claimed: DiskFormat) throws {
        let (start, name) = Self.foreign[index]
        var bytes = rawDisk()
        bytes.replaceSubrange(0..<start.count, with: start)
        let said = try #require(refusal(bytes, as: claimed))
        #expect(said.contains(name), "\(said)")
    }

    @Test(arguments: [
        (64, [0x7F, 0x10, 0xDA, 0xBE], "VDI"), (32769, Array("CD001".utf8), "ISO 9660"), (65024, Array("conectix".utf8), "VHD"),
    ])
    func aFormatThatIsMarkedFurtherInIsRefusedByName(_ offset: Int, _ mark: [UInt8], _ name: String) throws {
        var bytes = rawDisk()
        bytes.replaceSubrange(offset..<offset + mark.count, with: mark)
        let said = try #require(refusal(bytes, as: .raw))
        #expect(said.contains(name), "\(said)")
    }

    @Test func theClaimMustMatch() {
        #expect(refusal(QcowFixture().bytes, as: .raw) == "it is said to be raw but is qcow2")
        #expect(refusal(rawDisk(), as: .qcow2) == "it is said to be qcow2 but is raw")
    }

    @Test func aRawFileThatIsNoDiskIsRefused() {
        #expect(refusal([UInt8](repeating: 0, count: 65536), as: .raw)?.contains("no boot sector") == true)
        #expect(refusal(rawDisk(size: 65537), as: .raw)?.contains("multiple of 512") == true)
        #expect(refusal([], as: .raw) == "it is empty")
    }
}
