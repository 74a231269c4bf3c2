/// Hyper-V's images. Numbers are little-endian; offsets are multiples of 1 MiB.
enum VHDXDisk {
    static let magic = Array("vhdxfile".utf8)
    private static let unit: UInt64 = 1 << 20
    private static let headers: [Int64] = [64 << 10, 128 << 10]
    private static let headerSize = 4 << 10
    private static let regionTable: Int64 = 192 << 10
    private static let tableSize = 64 << 10
    /// States of a block: what else than "present" holds no data, "partially" is for images over others.
    private static let present: UInt64 = 6
    private static let partially: UInt64 = 7

    /// GUIDs as they lie in the file.
    private enum Name {
        static let blockTable = guid(0x2DC2_7766, 0xF623, 0x4200, 0x9D64_115E_9BFD_4A08)
        static let metadata = guid(0x8B7C_A206, 0x4790, 0x4B9A, 0xB8FE_575F_050F_886E)
        static let parameters = guid(0xCAA1_6737, 0xFA36, 0x4D43, 0xB3B6_33F0_AA44_E76B)
        static let size = guid(0x2FA5_4224, 0xCD1B, 0x4876, 0xB211_5DBE_D83B_F4B8)
        static let sector = guid(0x8141_BF1D, 0xA96F, 0x4709, 0xBA47_F233_A8FA_AB5F)
        static let physicalSector = guid(0xCDA3_48C7, 0x445D, 0x4471, 0x9CC9_E988_5251_C556)
        static let page83 = guid(0xBECA_12AB, 0xB2E6, 0x4523, 0x93EF_C309_E000_C746)
        static let parentLocator = guid(0xA8D3_5F2D, 0xB30B, 0x454D, 0xABF7_D3D8_4834_AB0C)

        private static func guid(_ first: UInt32, _ second: UInt16, _ third: UInt16, _ rest: UInt64) -> [UInt8] {
            withUnsafeBytes(of: first.littleEndian) { Array($0) } + withUnsafeBytes(of: second.littleEndian) { Array($0) }
                + withUnsafeBytes(of: third.littleEndian) { Array($0) } + withUnsafeBytes(of: rest.bigEndian) { Array($0) }
        }
    }

    static func inspect<Bytes: ImageBytes & ~Copyable>(_ bytes: borrowing Bytes) throws -> (size: Int64, mapped: Int64) {
        guard try bytes.bytes(8, at: 0) == magic else { throw ImageRefusal("it is not a VHDX image") }
        try checkHeaders(of: bytes)
        let (table, metadata) = try regions(of: bytes)
        let disk = try Metadata(of: bytes, at: metadata)
        let blocks = UInt64(disk.size).parts(of: disk.block)
        // After so many blocks the table has one entry for a bitmap, which only images over others use.
        let ratio = (UInt64(1) << 23) * 512 / disk.block
        let entries = blocks + (blocks - 1) / ratio
        guard entries * 8 <= table.length else { throw ImageRefusal("its block table is too short for its disk") }
        var map = ImageMap(fileSize: try bytes.size(), slack: 0)
        var index: UInt64 = 0
        try map.each(UInt64.self, of: bytes, at: table.offset, count: entries, bigEndian: false) { entry in
            defer { index += 1 }
            let state = entry & 7
            guard state != partially else {
                throw ImageRefusal("it is an image over another one; an image must be complete in itself")
            }
            guard index % (ratio + 1) != ratio, state == present else { return }
            try map.add(guest: Int64(disk.block), taking: Int64(disk.block), at: entry & ~(unit - 1))
        }
        return (disk.size, map.mapped)
    }

    /// Of two headers the sound one with the higher number counts; one that is not sound is ignored, as other readers do.
    private static func checkHeaders<Bytes: ImageBytes & ~Copyable>(of bytes: borrowing Bytes) throws {
        var current: (number: UInt64, header: HeaderBytes)?
        for offset in headers {
            let raw = try bytes.bytes(headerSize, at: offset)
            guard raw.count == headerSize, raw.starts(with: Array("head".utf8)), CRC32C.isRight(raw) else { continue }
            let header = HeaderBytes(raw)
            let number = try header.little64(at: 8)
            if number >= current?.number ?? 0 { current = (number, header) }
        }
        guard let header = current?.header else { throw ImageRefusal("its VHDX headers are damaged, or it is cut off") }
        guard try header.little16(at: 66) == 1 else { throw ImageRefusal("it is a VHDX image of another version than 1") }
        guard try header.isZero(at: 48, count: 16) else {
            throw ImageRefusal("its log is not empty: it is still in use, or its host crashed; open it once in Hyper-V first")
        }
    }

    private struct Region {
        var offset: UInt64
        var length: UInt64
    }

    private static func regions<Bytes: ImageBytes & ~Copyable>(
        of bytes: borrowing Bytes
    ) throws -> (table: Region, metadata: Region) {
        let raw = try bytes.bytes(tableSize, at: regionTable)
        guard raw.count == tableSize, raw.starts(with: Array("regi".utf8)), CRC32C.isRight(raw) else {
            throw ImageRefusal("its region table is damaged, or it is cut off")
        }
        let header = HeaderBytes(raw)
        let count = try header.little32(at: 8)
        guard count <= 2047 else { throw ImageRefusal("its region table has \(count) entries") }
        var (table, metadata): (Region?, Region?)
        for entry in (0..<Int(count)).map({ 16 + $0 * 32 }) {
            let name = Array(try header.slice(at: entry, count: 16))
            let region = Region(offset: try header.little64(at: entry + 16), length: UInt64(try header.little32(at: entry + 24)))
            guard region.offset % unit == 0, region.offset >= unit else { throw ImageRefusal("a region lies where it must not") }
            switch name {
            case Name.blockTable where table == nil: table = region
            case Name.metadata where metadata == nil: metadata = region
            case Name.blockTable, Name.metadata: throw ImageRefusal("it has a region twice")
            default:
                guard try header.little32(at: entry + 28) & 1 == 0 else { throw ImageRefusal("it needs unknown VHDX features") }
            }
        }
        guard let table, let metadata else { throw ImageRefusal("it lacks a region") }
        return (table, metadata)
    }

    private struct Metadata {
        var size: Int64
        var block: UInt64

        init<Bytes: ImageBytes & ~Copyable>(of bytes: borrowing Bytes, at region: Region) throws {
            guard region.offset < UInt64(try bytes.size()) else {
                throw ImageRefusal("a region lies outside the file: it is cut off")
            }
            let header = HeaderBytes(try bytes.bytes(tableSize, at: Int64(region.offset)))
            guard try Array(header.slice(at: 0, count: 8)) == Array("metadata".utf8) else {
                throw ImageRefusal("its metadata is damaged")
            }
            let count = try header.little16(at: 10)
            guard count <= 2047 else { throw ImageRefusal("its metadata has \(count) entries") }
            var (size, block): (Int64?, UInt64?)
            for entry in (0..<Int(count)).map({ 32 + $0 * 32 }) {
                // At most 1 MiB each, so that the sum stays far below the largest offset.
                let offset = try header.little32(at: entry + 16)
                guard offset >= UInt32(tableSize), UInt64(offset) < unit else { throw ImageRefusal("its metadata is damaged") }
                let value = HeaderBytes(try bytes.bytes(16, at: Int64(region.offset) + Int64(offset)))
                switch Array(try header.slice(at: entry, count: 16)) {
                case Name.parameters:
                    let found = UInt64(try value.little32(at: 0))
                    guard found.isPowerOfTwo, (1 << 20...256 << 20).contains(found) else {
                        throw ImageRefusal("its blocks are of \(found) bytes")
                    }
                    guard try value.little32(at: 4) & 2 == 0 else { throw Metadata.parent }
                    block = found
                case Name.size: size = try ImageInspector.size(try value.little64(at: 0))
                case Name.sector:
                    guard try value.little32(at: 0) == 512 else {
                        throw ImageRefusal("its disk has sectors of another size than 512 bytes")
                    }
                case Name.parentLocator: throw Metadata.parent
                case Name.page83, Name.physicalSector: break
                default:
                    guard try header.little32(at: entry + 24) & 4 == 0 else {
                        throw ImageRefusal("it needs unknown VHDX features")
                    }
                }
            }
            guard let size, let block else { throw ImageRefusal("its metadata lacks the size of its disk or its blocks") }
            self.size = size
            self.block = block
        }

        static let parent = ImageRefusal("it is a differencing VHDX image over another one; an image must be complete in itself")
    }
}

/// The checksum that VHDX tables carry at byte 4, over themselves with that field zero.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }

    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
    }

    static func isRight(_ bytes: [UInt8]) -> Bool {
        var zeroed = bytes
        zeroed.replaceSubrange(4..<8, with: [0, 0, 0, 0])
        return (try? HeaderBytes(bytes).little32(at: 4)) == of(zeroed)
    }
}
