/// Images of Virtual PC, Azure and older Hyper-V, fixed and dynamic: all numbers are in network order, sectors have 512 bytes.
enum VHDDisk {
    static let magic = Array("conectix".utf8)
    private static let fixed: UInt32 = 2
    private static let dynamic: UInt32 = 3
    private static let differencing: UInt32 = 4
    private static let absent: UInt32 = 0xFFFF_FFFF

    static func inspect<Bytes: ImageBytes & ~Copyable>(_ bytes: borrowing Bytes) throws -> (size: Int64, mapped: Int64) {
        let end = try bytes.size()
        guard end >= 1024 else { throw ImageRefusal("it is cut off") }
        let footer = try bytes.bytes(512, at: end - 512)
        guard footer.starts(with: magic), sum(of: footer, at: 64) else {
            throw ImageRefusal("it does not end like a VHD image: the file is cut off or damaged")
        }
        let fields = HeaderBytes(footer)
        guard try fields.big32(at: 12) == 0x1_0000 else { throw ImageRefusal("it is a VHD image of another version than 1.0") }
        guard try fields.byte(at: 84) == 0 else { throw ImageRefusal("it belongs to a suspended machine: shut that down first") }
        let size = try ImageInspector.size(try fields.big64(at: 48))
        let kind = try fields.big32(at: 60)
        let head = try bytes.bytes(512, at: 0)
        switch kind {
        case fixed:
            // QEMU looks at the front first, where a guest could have written one that says something else.
            guard !head.starts(with: magic) else {
                throw ImageRefusal("it has a VHD header in front although it is a fixed VHD image")
            }
            guard size <= end - 512 else { throw ImageRefusal("its data is cut off") }
            return (size, size)
        case dynamic:
            guard head == footer else { throw ImageRefusal("its two VHD headers differ") }
            return (size, try mapped(of: bytes, size: size, header: try fields.big64(at: 16)))
        case differencing:
            throw ImageRefusal("it is a differencing VHD image over another one; an image must be complete in itself")
        default:
            throw ImageRefusal("it is a VHD image of an unknown type (\(kind))")
        }
    }

    private static func mapped<Bytes: ImageBytes & ~Copyable>(
        of bytes: borrowing Bytes, size: Int64, header offset: UInt64
    ) throws -> Int64 {
        guard offset <= UInt64(try bytes.size()) else { throw ImageRefusal("its header lies outside the file") }
        let raw = try bytes.bytes(1024, at: Int64(offset))
        guard raw.count == 1024, raw.starts(with: Array("cxsparse".utf8)), sum(of: raw, at: 36) else {
            throw ImageRefusal("its dynamic header is damaged")
        }
        let header = HeaderBytes(raw)
        // Parent's id, name, and where to look for it.
        guard try header.isZero(at: 40, count: 16), try header.isZero(at: 64, count: 512), try header.isZero(at: 576, count: 192)
        else {
            throw ImageRefusal("it names a parent image; an image must be complete in itself")
        }
        let block = UInt64(try header.big32(at: 32))
        guard block.isPowerOfTwo, (512 << 10...256 << 20).contains(block) else {
            throw ImageRefusal("its blocks are of \(block) bytes")
        }
        let blocks = UInt64(try header.big32(at: 28))
        guard blocks >= UInt64(size).parts(of: block), blocks <= UInt64(ImageInspector.virtualSizeLimit) / (512 << 10) else {
            throw ImageRefusal("it has \(blocks) blocks, which is not what its disk needs")
        }
        let taken = Int64(block) + Int64((block / 512 / 8).parts(of: 512)) * 512
        var map = ImageMap(fileSize: try bytes.size(), slack: 0)
        try map.each(UInt32.self, of: bytes, at: try header.big64(at: 16), count: blocks, bigEndian: true) { entry in
            guard entry != absent else { return }
            try map.add(guest: Int64(block), taking: taken, at: UInt64(entry) * 512)
        }
        return map.mapped
    }

    /// The checksum at `offset` is the complement of the sum of all other bytes.
    private static func sum(of bytes: [UInt8], at offset: Int) -> Bool {
        var sum: UInt32 = 0
        for (index, byte) in bytes.enumerated() where !(offset..<offset + 4).contains(index) { sum &+= UInt32(byte) }
        return (try? HeaderBytes(bytes).big32(at: offset)) == ~sum
    }
}
