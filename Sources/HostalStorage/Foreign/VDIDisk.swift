/// VirtualBox's disk images, version 1.1.
enum VDIDisk {
    static let mark: [UInt8] = [0x7F, 0x10, 0xDA, 0xBE]
    static let markOffset = 64
    private static let block: UInt64 = 1 << 20
    /// From here on entries of the block map say "no block here".
    private static let absent: UInt32 = 0xFFFF_FFFE

    static func inspect<Bytes: ImageBytes & ~Copyable>(_ bytes: borrowing Bytes) throws -> (size: Int64, mapped: Int64) {
        let header = HeaderBytes(try bytes.bytes(512, at: 0))
        guard try Array(header.slice(at: markOffset, count: 4)) == mark else { throw ImageRefusal("it is not a VDI image") }
        guard try header.little32(at: 68) == 0x1_0001 else { throw ImageRefusal("it is a VDI image of another version than 1.1") }
        let kind = try header.little32(at: 76)
        guard kind == 1 || kind == 2, try header.isZero(at: 0x1A8, count: 32) else {
            throw ImageRefusal("it is a VDI image over another one (type \(kind)); an image must be complete in itself")
        }
        let (map, data) = (UInt64(try header.little32(at: 0x154)), UInt64(try header.little32(at: 0x158)))
        guard map % 512 == 0, data % 512 == 0, map >= 512, data >= 512 else {
            throw ImageRefusal("its header names no place for its data")
        }
        guard try header.little32(at: 0x168) == 512, try header.little32(at: 0x178) == UInt32(block) else {
            throw ImageRefusal("its blocks are not of 1 MiB")
        }
        let size = try ImageInspector.size(try header.little64(at: 0x170))
        let blocks = UInt64(try header.little32(at: 0x180))
        guard blocks >= UInt64(size).parts(of: block), blocks <= UInt64(ImageInspector.virtualSizeLimit) / block else {
            throw ImageRefusal("it has \(blocks) blocks, which is not what its disk needs")
        }
        var found = ImageMap(fileSize: try bytes.size(), slack: Int64(block))
        try found.each(UInt32.self, of: bytes, at: map, count: blocks, bigEndian: false) { entry in
            guard entry < absent else { return }
            try found.add(guest: Int64(block), taking: Int64(block), at: data + UInt64(entry) * block)
        }
        return (size, found.mapped)
    }
}
