import HostalStorage
import Testing

/// A file that must never become an image, and a part of the reason that its sender is told.
struct HostileImage: Sendable, CustomTestStringConvertible {
    var name: String
    /// What the sender calls it.
    var format: ImportFormat
    var reason: String
    var bytes: [UInt8]
    var testDescription: String { name }

    init(_ name: String, _ format: ImportFormat, _ reason: String, _ bytes: [UInt8]) {
        self.name = name
        self.format = format
        self.reason = reason
        self.bytes = bytes
    }

    init(
        _ name: String, _ format: ImportFormat, _ reason: String, _ image: MemoryImage,
        _ change: (inout MemoryImage) -> Void = { _ in }
    ) {
        var image = image
        change(&image)
        self.init(name, format, reason, image.content)
    }

    /// `secret` is the path of a file that only root can read, and that most of these want.
    static func all(secret: String) -> [HostileImage] {
        qcow2(secret) + bombs() + old(secret) + vmdk(secret) + vdi() + vhd(secret) + vhdx() + cutOff() + noise()
    }

    private static func qcow2(_ secret: String) -> [HostileImage] {
        let json = "json:{\"driver\":\"raw\",\"file\":{\"driver\":\"file\",\"filename\":\"\(secret)\"}}"
        let images: [(String, String, QcowFixture)] = [
            ("backing-absolute", "backing file", QcowFixture(backing: secret, backingFormat: "raw")),
            ("backing-no-format", "backing file", QcowFixture(backing: secret)),
            ("backing-relative", "backing file", QcowFixture(backing: "../../../../../.." + secret, backingFormat: "raw")),
            ("backing-json", "backing file", QcowFixture(backing: json)),
            ("backing-version-2", "backing file", QcowFixture(version: 2, backing: secret)),
            ("backing-http", "backing file", QcowFixture(backing: "http://127.0.0.1:9/meta-data/", backingFormat: "raw")),
            ("backing-nbd", "backing file", QcowFixture(backing: "nbd://127.0.0.1:10809/x", backingFormat: "raw")),
            ("backing-ssh", "backing file", QcowFixture(backing: "ssh://root@127.0.0.1\(secret)", backingFormat: "raw")),
            ("backing-self", "backing file", QcowFixture(backing: "backing-self", backingFormat: "qcow2")),
            ("backing-stdin", "backing file", QcowFixture(backing: "/dev/stdin", backingFormat: "raw")),
            ("data-file", "another file", QcowFixture(size: 65536, dataFile: secret, incompatible: 4)),
            ("data-file-json", "another file", QcowFixture(size: 65536, dataFile: json, incompatible: 4)),
            ("data-file-without-bit", "another file", QcowFixture(dataFile: secret)),
            ("snapshots-65536", "65536 internal snapshots", QcowFixture(snapshots: 65536)),
            ("luks", "encrypted", QcowFixture(encryption: 2)),
            ("aes", "encrypted", QcowFixture(encryption: 1)),
            ("l1-outside", "cut off", QcowFixture(l1Offset: 64 << 16)),
            ("l1-huge", "L1 table", QcowFixture(l1Entries: 0x3FF_FFFF)),
            ("refcounts-outside", "refcount table", QcowFixture(refcountClusters: 0xFFFFFF)),
            ("unknown-feature", "unknown qcow2 features", QcowFixture(incompatible: 1 << 40)),
            ("in-use", "still in use", QcowFixture(incompatible: 1)),
            ("version-4", "version 4", QcowFixture(version: 4)),
            ("clusters-2-63", "2^63", QcowFixture(clusterBits: 63)),
        ]
        return images.map { HostileImage("qcow2-\($0.0)", .qcow2, $0.1, $0.2.bytes) }
    }

    private static func bombs() -> [HostileImage] {
        [
            HostileImage("bomb-8EiB.qcow2", .qcow2, "at most 2 TiB", QcowFixture(size: (1 << 63) - 512, l1Entries: 8192).bytes),
            HostileImage("bomb-10TiB.qcow2", .qcow2, "at most 2 TiB", QcowFixture(size: 10 << 40, l1Entries: 8192).bytes),
            HostileImage("bomb-one-cluster-8GiB.qcow2", .qcow2, "many times over", amplified()),
            HostileImage("bomb-one-table-2TiB.qcow2", .qcow2, "many times over", oneTable()),
            HostileImage("bomb-8EiB.vmdk", .vmdk, "larger than", ForeignFixture.vmdk()) { $0.little(UInt64.max / 2, at: 12) },
            HostileImage("bomb-one-grain.vmdk", .vmdk, "many times over", ForeignFixture.vmdk()) { image in
                for index in 0..<64 { image.little(UInt32(128), at: 22 * 512 + index * 4) }
            },
            HostileImage("bomb-one-block.vdi", .vdi, "many times over", ForeignFixture.vdi()) { image in
                for index in 0..<4 { image.little(UInt32(0), at: 512 + index * 4) }
            },
            HostileImage("bomb-8EiB.vdi", .vdi, "larger than", ForeignFixture.vdi()) { $0.little(UInt64.max / 2, at: 0x170) },
            HostileImage("bomb-one-block.vhd", .vhd, "many times over", ForeignFixture.vhd()) { $0.big(UInt32(8), at: 1540) },
            HostileImage("bomb-8EiB.vhd", .vhd, "larger than", ForeignFixture.vhd()) { image in
                image.big(UInt64.max / 2, at: 48)
                image = ForeignFixture.signed(image)
            },
            HostileImage("bomb-one-block.vhdx", .vhdx, "many times over", ForeignFixture.vhdx()) { image in
                image.little(UInt64(8 << 20), at: ForeignFixture.items + 32)
                for index in 0..<8 { image.little(UInt64(ForeignFixture.block) | 6, at: ForeignFixture.table + index * 8) }
            },
        ]
    }

    /// 1.4 MB whose tables name one cluster of data 131,072 times: 8 GiB.
    private static func amplified() -> [UInt8] {
        let tables = 16
        var image = MemoryImage(
            QcowFixture(size: 8 << 30, l1Entries: 16).bytes + [UInt8](repeating: 0, count: (tables + 1) << 16))
        let data = UInt64(4 + tables) << 16
        for table in 0..<tables {
            image.big(UInt64(4 + table) << 16 | 1 << 63, at: (3 << 16) + table * 8)
            for entry in 0..<8192 { image.big(data | 1 << 63, at: (4 + table) << 16 | entry * 8) }
        }
        image.put([UInt8](repeating: 0x41, count: 65536), at: Int(data))
        return image.content
    }

    /// 4,096 entries of the first table name one second table.
    private static func oneTable() -> [UInt8] {
        var image = MemoryImage(QcowFixture(size: 2 << 40, l1Entries: 4096).bytes + [UInt8](repeating: 0, count: 1 << 16))
        for entry in 0..<4096 { image.big(UInt64(4) << 16 | 1 << 63, at: (3 << 16) + entry * 8) }
        return image.content
    }

    private static func old(_ secret: String) -> [HostileImage] {
        var qcow = MemoryImage(count: 4096)
        qcow.put([0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 1], at: 0)
        qcow.big(UInt64(48), at: 8)
        qcow.big(UInt32(secret.utf8.count), at: 16)
        qcow.big(UInt64(1 << 20), at: 24)
        qcow.put([12, 9], at: 32)
        qcow.put(secret, at: 48)
        var qed = MemoryImage(count: 65536 * 6)
        qed.put("QED\0", at: 0)
        for (index, field) in [UInt32(65536), 4, 1].enumerated() { qed.little(field, at: 4 + index * 4) }
        qed.little(UInt64(5), at: 16)
        qed.little(UInt64(65536), at: 40)
        qed.little(UInt64(1 << 20), at: 48)
        qed.little(UInt32(72), at: 56)
        qed.little(UInt32(secret.utf8.count), at: 60)
        qed.put(secret, at: 72)
        return [
            HostileImage("qcow1-backing.qcow", .qcow2, "version 1", qcow),
            HostileImage("qed-backing.qed", .raw, "QED", qed),
            HostileImage("luks.img", .raw, "LUKS", Array("LUKS".utf8) + [0xBA, 0xBE] + rawDisk().dropFirst(6)),
            HostileImage("no-boot-sector.img", .raw, "boot sector", [UInt8](repeating: 0, count: 65536)),
            HostileImage("empty.img", .raw, "empty", []),
            HostileImage("qcow2-called-raw.img", .raw, "said to be raw", QcowFixture(backing: secret).bytes),
        ]
    }

    private static func vmdk(_ secret: String) -> [HostileImage] {
        let flat = "RW 2 FLAT \"\(secret)\" 0"
        func text(_ kind: String, _ extents: String, extra: String = "", parent: String = "ffffffff") -> [UInt8] {
            let text = ForeignFixture.descriptor(kind, parent: parent, extra: extra, extents: extents)
            return Array(text.utf8) + [UInt8](repeating: 0, count: 65536 - text.utf8.count)
        }
        let sound = ForeignFixture.vmdk()
        func embedded(_ name: String, _ reason: String, _ text: String) -> HostileImage {
            HostileImage("vmdk-\(name).vmdk", .vmdk, reason, ForeignFixture.vmdk(descriptor: text))
        }
        return [
            HostileImage("vmdk-flat.vmdk", .vmdk, "not a sparse VMDK", text("monolithicFlat", flat)),
            HostileImage("vmdk-flat-named.img", .raw, "VMDK descriptor", text("monolithicFlat", flat)),
            HostileImage("vmdk-flat-named.qcow2", .qcow2, "VMDK descriptor", text("monolithicFlat", flat)),
            HostileImage("vmdk-flat-device.img", .raw, "VMDK descriptor", text("monolithicFlat", "RW 2048 FLAT \"/dev/vda\" 0")),
            HostileImage("vmdk-2gb-flat.img", .raw, "VMDK descriptor", text("twoGbMaxExtentFlat", flat)),
            HostileImage(
                "vmdk-parent.img", .raw, "VMDK descriptor",
                text("monolithicFlat", flat, extra: "parentFileNameHint=\"\(secret)\"", parent: "12345678")),
            embedded("embedded-flat", "another file (FLAT)", ForeignFixture.descriptor(extents: flat)),
            embedded("embedded-kind", "of the kind monolithicFlat", ForeignFixture.descriptor("monolithicFlat")),
            embedded(
                "embedded-parent", "parent image",
                ForeignFixture.descriptor(parent: "12345678", extra: "parentFileNameHint=\"\(secret)\"")),
            embedded("embedded-parent-id", "over another", ForeignFixture.descriptor(parent: "12345678")),
            embedded(
                "embedded-parent-behind-the-end", "parent image",
                ForeignFixture.descriptor() + "\0parentFileNameHint=\"\(secret)\""),
            embedded("two-extents", "2 files", ForeignFixture.descriptor(extents: "RW 8 SPARSE \"a\"\nRW 8 SPARSE \"b\"")),
            HostileImage("vmdk-no-capacity.vmdk", .vmdk, "another file", sound) { $0.little(UInt64(0), at: 12) },
            HostileImage("vmdk-second-descriptor.vmdk", .vmdk, "not where it belongs", sound) { $0.little(UInt64(5), at: 28) },
            HostileImage("vmdk-unclean.vmdk", .vmdk, "still in use", sound) { $0.put([1], at: 72) },
            HostileImage("vmdk-unknown-flags.vmdk", .vmdk, "unknown VMDK features", sound) {
                $0.little(UInt32(1 << 20 | 3), at: 8)
            },
            HostileImage("vmdk-directory-outside.vmdk", .vmdk, "outside the file", sound) { $0.little(UInt64(1) << 54, at: 56) },
            HostileImage("vmdk-table-outside.vmdk", .vmdk, "outside the file", sound) {
                $0.little(UInt32(0xFFFF_FFFF), at: 21 * 512)
            },
            HostileImage("vmdk-footer-missing.vmdk", .vmdk, "not a sparse VMDK", sound) { $0.little(UInt64.max, at: 56) },
            HostileImage("vmdk-grain-0.vmdk", .vmdk, "unknown kind", sound) { $0.little(UInt64(0), at: 20) },
        ]
    }

    private static func vdi() -> [HostileImage] {
        let sound = ForeignFixture.vdi()
        return [
            HostileImage("vdi-differencing.vdi", .vdi, "over another one", sound) { $0.little(UInt32(4), at: 76) },
            HostileImage("vdi-parent.vdi", .vdi, "over another one", sound) { $0.put([1], at: 0x1B8) },
            HostileImage("vdi-link.vdi", .vdi, "over another one", sound) { $0.put([1], at: 0x1A8) },
            HostileImage("vdi-version.vdi", .vdi, "another version", sound) { $0.little(UInt32(0x2_0000), at: 68) },
            HostileImage("vdi-map-outside.vdi", .vdi, "outside the file", sound) { $0.little(UInt32(0x7FFF_FE00), at: 0x154) },
            HostileImage("vdi-block-outside.vdi", .vdi, "outside the file", sound) { $0.little(UInt32(0x7FFF_FFFF), at: 512) },
            HostileImage("vdi-few-blocks.vdi", .vdi, "not what its disk needs", sound) { $0.little(UInt32(3), at: 0x180) },
            HostileImage("vdi-block-size-0.vdi", .vdi, "1 MiB", sound) { $0.little(UInt32(0), at: 0x178) },
        ]
    }

    private static func vhd(_ secret: String) -> [HostileImage] {
        func changed(_ change: (inout MemoryImage) -> Void) -> MemoryImage {
            var image = ForeignFixture.vhd()
            change(&image)
            return ForeignFixture.signed(image)
        }
        return [
            HostileImage("vhd-differencing.vhd", .vhd, "differencing", changed { $0.big(UInt32(4), at: 60) }),
            HostileImage("vhd-parent-locator.vhd", .vhd, "parent image", changed { $0.put("W2ku", at: 512 + 576) }),
            HostileImage("vhd-parent-name.vhd", .vhd, "parent image", changed { $0.put(secret, at: 512 + 64) }),
            HostileImage("vhd-suspended.vhd", .vhd, "suspended", changed { $0.put([1], at: 84) }),
            HostileImage("vhd-unknown-type.vhd", .vhd, "unknown type (9)", changed { $0.big(UInt32(9), at: 60) }),
            HostileImage("vhd-checksum.vhd", .vhd, "damaged", ForeignFixture.vhd()) { $0.put([1], at: $0.content.count - 400) },
            HostileImage("vhd-two-headers.vhd", .vhd, "differ", ForeignFixture.vhd()) { $0.put([1], at: 100) },
            HostileImage("vhd-header-outside.vhd", .vhd, "outside the file", changed { $0.big(UInt64.max - 1, at: 16) }),
            HostileImage("vhd-table-outside.vhd", .vhd, "outside the file", changed { $0.big(UInt64.max - 1, at: 528) }),
            HostileImage("vhd-block-outside.vhd", .vhd, "outside the file", changed { $0.big(UInt32(0xFFFF_FFFE), at: 1536) }),
            HostileImage("vhd-blocks-of-0.vhd", .vhd, "blocks are of 0", changed { $0.big(UInt32(0), at: 544) }),
            HostileImage("vhd-fixed-cut-off.vhd", .vhd, "cut off", ForeignFixture.fixedVHD()) { image in
                image.big(UInt64(1 << 30), at: 65536 + 48)
                image = ForeignFixture.signed(image, fixed: true)
            },
            HostileImage("vhd-fixed-with-front.vhd", .vhd, "in front", ForeignFixture.fixedVHD()) { image in
                image.put(ForeignFixture.vhd().bytes(512, at: 0), at: 0)
            },
        ]
    }

    private static func vhdx() -> [HostileImage] {
        func changed(_ change: (inout MemoryImage) -> Void) -> MemoryImage {
            var image = ForeignFixture.vhdx()
            change(&image)
            return ForeignFixture.sealed(image)
        }
        let (item, table) = (ForeignFixture.items, ForeignFixture.table)
        return [
            HostileImage("vhdx-has-parent.vhdx", .vhdx, "differencing", changed { $0.little(UInt32(2), at: item + 4) }),
            HostileImage(
                "vhdx-parent-locator.vhdx", .vhdx, "differencing",
                changed {
                    $0.put(
                        [0x2D, 0x5F, 0xD3, 0xA8, 0x0B, 0xB3, 0x4D, 0x45, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C],
                        at: ForeignFixture.metadata + 32 + 4 * 32)
                }),
            HostileImage(
                "vhdx-partial-block.vhdx", .vhdx, "over another one",
                changed { $0.little(UInt64(ForeignFixture.block) | 7, at: table) }),
            HostileImage("vhdx-log.vhdx", .vhdx, "log is not empty", changed { $0.put([1], at: (128 << 10) + 48) }),
            HostileImage("vhdx-checksums.vhdx", .vhdx, "headers are damaged", ForeignFixture.vhdx()) { image in
                image.put([1], at: (64 << 10) + 20)
                image.put([1], at: (128 << 10) + 20)
            },
            HostileImage(
                "vhdx-region-outside.vhdx", .vhdx, "outside the file",
                changed { $0.little(UInt64(1) << 62, at: (192 << 10) + 32) }),
            HostileImage(
                "vhdx-unknown-region.vhdx", .vhdx, "unknown VHDX features",
                changed { image in
                    image.little(UInt32(3), at: (192 << 10) + 8)
                    image.little(UInt64(1 << 20), at: (192 << 10) + 16 + 64 + 16)
                    image.little(UInt32(1), at: (192 << 10) + 16 + 64 + 28)
                }),
            HostileImage(
                "vhdx-sectors-4096.vhdx", .vhdx, "sectors of another size", changed { $0.little(UInt32(4096), at: item + 64) }),
            HostileImage(
                "vhdx-block-outside.vhdx", .vhdx, "outside the file", changed { $0.little(UInt64(1) << 62 | 6, at: table) }),
            HostileImage("vhdx-blocks-of-0.vhdx", .vhdx, "blocks are of 0", changed { $0.little(UInt32(0), at: item) }),
            HostileImage("vhdx-8EiB.vhdx", .vhdx, "larger than", changed { $0.little(UInt64.max / 2, at: item + 32) }),
        ]
    }

    /// Every sound image, cut at every place where a part of it begins, and one byte before.
    private static func cutOff() -> [HostileImage] {
        let sound: [(ImportFormat, MemoryImage, [Int])] = [
            (.qcow2, MemoryImage(QcowFixture().bytes), [4, 71, 72, 103, 104, 1 << 16, (3 << 16) + 7]),
            (.vmdk, ForeignFixture.vmdk(), [4, 79, 511, 512, 21 * 512, 22 * 512, 128 * 512]),
            (.vdi, ForeignFixture.vdi(), [68, 0x178, 0x190, 512, 527, 1 << 20]),
            (.vhd, ForeignFixture.vhd(), [8, 511, 512, 1535, 1536, 4096, 4096 + (2 << 20)]),
            (
                .vhdx, ForeignFixture.vhdx(),
                [
                    8, 64 << 10, 128 << 10, 192 << 10, ForeignFixture.metadata, ForeignFixture.items, ForeignFixture.table,
                    ForeignFixture.block,
                ]
            ),
        ]
        return sound.flatMap { format, image, lengths in
            lengths.map { HostileImage("cut-\($0).\(format.rawValue)", format, "", Array(image.content.prefix($0))) }
        }
    }

    /// A right mark with noise behind it.
    private static func noise() -> [HostileImage] {
        let marks: [(ImportFormat, [UInt8], Int)] = [
            (.qcow2, [0x51, 0x46, 0x49, 0xFB], 0), (.vmdk, Array("KDMV".utf8), 0), (.vdi, [0x7F, 0x10, 0xDA, 0xBE], 64),
            (.vhd, Array("conectix".utf8), 0), (.vhdx, Array("vhdxfile".utf8), 0),
        ]
        return marks.map { format, mark, offset in
            var image = MemoryImage(Array(patternedDisk(size: 1 << 20)))
            image.put(mark, at: offset)
            return HostileImage("noise.\(format.rawValue)", format, "", image.content)
        }
    }
}
