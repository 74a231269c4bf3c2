import HostalStorage

/// Bytes that stand for a file.
struct MemoryImage: ImageBytes {
    var content: [UInt8]

    init(count: Int) { content = [UInt8](repeating: 0, count: count) }
    init(_ content: [UInt8]) { self.content = content }

    func size() -> Int64 { Int64(content.count) }
    func bytes(_ count: Int, at offset: Int64) -> [UInt8] {
        guard offset < content.count else { return [] }
        return Array(content[Int(offset)..<min(content.count, Int(offset) + count)])
    }

    mutating func put(_ bytes: some Collection<UInt8>, at offset: Int) {
        content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
    mutating func put(_ text: String, at offset: Int) { put(Array(text.utf8), at: offset) }
    mutating func little<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        put(withUnsafeBytes(of: number.littleEndian) { Array($0) }, at: offset)
    }
    mutating func big<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        put(withUnsafeBytes(of: number.bigEndian) { Array($0) }, at: offset)
    }
}

/// Writes images of other systems byte by byte: sound ones of one block with `filler` in it, and from them hostile ones.
enum ForeignFixture {
    static let filler: UInt8 = 0x5A
    /// Of all disks here, in bytes.
    static let size: UInt64 = 4 << 20

    static func descriptor(
        _ kind: String = "monolithicSparse", parent: String = "ffffffff", extra: String = "", extents: String? = nil
    ) -> String {
        let extents = extents ?? "RW \(size / 512) SPARSE \"disk.vmdk\""
        return """
            # Disk DescriptorFile
            version=1
            CID=12345678
            parentCID=\(parent)
            createType="\(kind)"
            \(extra)
            # Extent description
            \(extents)

            # The Disk Data Base
            ddb.adapterType = "ide"

            """
    }

    /// Sector 0 header, 1 to 20 descriptor, 21 grain directory, 22 grain table, 128 the only grain.
    static func vmdk(descriptor text: String = descriptor(), flags: UInt32 = 3) -> MemoryImage {
        var image = MemoryImage(count: 256 * 512)
        image.put("KDMV", at: 0)
        image.little(UInt32(1), at: 4)
        image.little(flags, at: 8)
        image.little(size / 512, at: 12)
        image.little(UInt64(128), at: 20)
        image.little(UInt64(1), at: 28)
        image.little(UInt64(20), at: 36)
        image.little(UInt32(512), at: 44)
        image.little(UInt64(21), at: 48)
        image.little(UInt64(21), at: 56)
        image.little(UInt64(128), at: 64)
        image.put([0x0A, 0x20, 0x0D, 0x0A], at: 73)
        image.put(text, at: 512)
        image.little(UInt32(22), at: 21 * 512)
        image.little(UInt32(128), at: 22 * 512)
        image.put([UInt8](repeating: filler, count: 65536), at: 128 * 512)
        return image
    }

    /// Header, block map at 512, the only block at 1 MiB.
    static func vdi() -> MemoryImage {
        var image = MemoryImage(count: 2 << 20)
        image.put("<<< Oracle VM VirtualBox Disk Image >>>\n", at: 0)
        image.little(UInt32(0xBEDA_107F), at: 64)
        image.little(UInt32(0x1_0001), at: 68)
        image.little(UInt32(0x190), at: 72)
        image.little(UInt32(1), at: 76)
        image.little(UInt32(512), at: 0x154)
        image.little(UInt32(1 << 20), at: 0x158)
        image.little(UInt32(512), at: 0x168)
        image.little(size, at: 0x170)
        image.little(UInt32(1 << 20), at: 0x178)
        image.little(UInt32(size >> 20), at: 0x180)
        image.little(UInt32(1), at: 0x184)
        image.put([UInt8](repeating: 7, count: 32), at: 0x188)
        image.put([UInt8](repeating: 0xFF, count: 16), at: 512)
        image.little(UInt32(0), at: 512)
        image.put([UInt8](repeating: filler, count: 1 << 20), at: 1 << 20)
        return image
    }

    /// The front copy at 0, dynamic header at 512, table at 1536, the only block with its bitmap at 4096, the footer.
    static func vhd(kind: UInt32 = 3) -> MemoryImage {
        let block = 512 + (2 << 20)
        var image = MemoryImage(count: 4096 + block + 512)
        image.put("cxsparse", at: 512)
        image.big(UInt64.max, at: 520)
        image.big(UInt64(1536), at: 528)
        image.big(UInt32(0x1_0000), at: 536)
        image.big(UInt32(size >> 21), at: 540)
        image.big(UInt32(2 << 20), at: 544)
        image.put([UInt8](repeating: 0xFF, count: 512), at: 1536)
        image.big(UInt32(8), at: 1536)
        image.put([UInt8](repeating: 0xFF, count: 512), at: 4096)
        image.put([UInt8](repeating: filler, count: 2 << 20), at: 4096 + 512)
        var footer = MemoryImage(count: 512)
        footer.put("conectix", at: 0)
        footer.big(UInt32(2), at: 8)
        footer.big(UInt32(0x1_0000), at: 12)
        footer.big(kind == 2 ? UInt64.max : UInt64(512), at: 16)
        footer.put("win ", at: 28)
        footer.big(size, at: 40)
        footer.big(size, at: 48)
        footer.big(UInt16(120), at: 56)
        footer.put([4, 17], at: 58)
        footer.big(kind, at: 60)
        image.put(footer.content, at: 0)
        return signed(image)
    }

    /// A disk of 64 KiB whose bytes are its front.
    static func fixedVHD() -> MemoryImage {
        var image = MemoryImage(rawDisk(filler: filler) + vhd(kind: 2).bytes(512, at: 0))
        image.big(UInt64(65536), at: 65536 + 40)
        image.big(UInt64(65536), at: 65536 + 48)
        return signed(image, fixed: true)
    }

    /// With right checksums and, for a dynamic one, its front copied to its end.
    static func signed(_ image: MemoryImage, fixed: Bool = false) -> MemoryImage {
        var image = image
        func sum(_ range: Range<Int>, at field: Int) -> UInt32 {
            ~range.reduce(UInt32(0)) { (field..<field + 4).contains($1) ? $0 : $0 &+ UInt32(image.content[$1]) }
        }
        let end = image.content.count - 512
        guard !fixed else {
            image.big(sum(end..<end + 512, at: end + 64), at: end + 64)
            return image
        }
        image.big(sum(0..<512, at: 64), at: 64)
        image.big(sum(512..<1536, at: 512 + 36), at: 512 + 36)
        image.put(image.bytes(512, at: 0), at: end)
        return image
    }

    /// Where the parts of a VHDX image are, in bytes; an empty log of 1 MiB is before them.
    static let metadata = 2 << 20
    static let items = metadata + (64 << 10)
    static let table = 3 << 20
    static let block = 4 << 20

    /// Both headers, the region table, log, metadata, block table and the only block.
    static func vhdx() -> MemoryImage {
        var image = MemoryImage(count: 5 << 20)
        image.put("vhdxfile", at: 0)
        for (offset, number) in [(64 << 10, UInt64(1)), (128 << 10, 2)] {
            image.put("head", at: offset)
            image.little(number, at: offset + 8)
            image.put([UInt8](repeating: 9, count: 32), at: offset + 16)
            image.little(UInt16(1), at: offset + 66)
            image.little(UInt32(1 << 20), at: offset + 68)
            image.little(UInt64(1 << 20), at: offset + 72)
        }
        let regions = 192 << 10
        image.put("regi", at: regions)
        image.little(UInt32(2), at: regions + 8)
        let tableName: [UInt8] = [0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08]
        let metadataName: [UInt8] = [
            0x06, 0xA2, 0x7C, 0x8B, 0x90, 0x47, 0x9A, 0x4B, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E,
        ]
        for (index, (name, offset)) in [(tableName, table), (metadataName, metadata)].enumerated() {
            image.put(name, at: regions + 16 + index * 32)
            image.little(UInt64(offset), at: regions + 32 + index * 32)
            image.little(UInt32(1 << 20), at: regions + 40 + index * 32)
            image.little(UInt32(1), at: regions + 44 + index * 32)
        }
        image.put("metadata", at: metadata)
        let values: [([UInt8], UInt64)] = [
            ([0x37, 0x67, 0xA1, 0xCA, 0x36, 0xFA, 0x43, 0x4D, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B], 1 << 20),
            ([0x24, 0x42, 0xA5, 0x2F, 0x1B, 0xCD, 0x76, 0x48, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8], size),
            ([0x1D, 0xBF, 0x41, 0x81, 0x6F, 0xA9, 0x09, 0x47, 0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F], 512),
            ([0xC7, 0x48, 0xA3, 0xCD, 0x5D, 0x44, 0x71, 0x44, 0x9C, 0xC9, 0xE9, 0x88, 0x52, 0x51, 0xC5, 0x56], 512),
            ([0xAB, 0x12, 0xCA, 0xBE, 0xE6, 0xB2, 0x23, 0x45, 0x93, 0xEF, 0xC3, 0x09, 0xE0, 0x00, 0xC7, 0x46], 1),
        ]
        image.little(UInt16(values.count), at: metadata + 10)
        for (index, (name, value)) in values.enumerated() {
            let entry = metadata + 32 + index * 32
            image.put(name, at: entry)
            image.little(UInt32((64 << 10) + index * 32), at: entry + 16)
            image.little(UInt32(index == 4 ? 16 : index == 1 || index == 0 ? 8 : 4), at: entry + 20)
            image.little(UInt32(index == 0 ? 4 : 6), at: entry + 24)
            image.little(value, at: items + index * 32)
        }
        image.little(UInt64(block) | 6, at: table)
        image.put([UInt8](repeating: filler, count: 1 << 20), at: block)
        return sealed(image)
    }

    /// With right checksums.
    static func sealed(_ image: MemoryImage) -> MemoryImage {
        var image = image
        for (offset, length) in [(64 << 10, 4096), (128 << 10, 4096), (192 << 10, 65536)] {
            image.little(UInt32(0), at: offset + 4)
            image.little(crc32c(image.content[offset..<offset + length]), at: offset + 4)
        }
        return image
    }

    private static let crcTable: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }
    private static func crc32c(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes { sum = crcTable[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
        return ~sum
    }
}
