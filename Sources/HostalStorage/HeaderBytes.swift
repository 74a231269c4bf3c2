/// Numbers out of bytes that nobody vouches for: what lies outside is an `ImageRefusal`, never a trap.
struct HeaderBytes {
    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func slice(at offset: Int, count: Int) throws(ImageRefusal) -> ArraySlice<UInt8> {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw ImageRefusal("its header is cut off")
        }
        return bytes[offset..<offset + count]
    }
    func byte(at offset: Int) throws(ImageRefusal) -> UInt8 { try slice(at: offset, count: 1).reduce(0) { $0 | $1 } }
    func isZero(at offset: Int, count: Int) throws(ImageRefusal) -> Bool {
        try slice(at: offset, count: count).allSatisfy { $0 == 0 }
    }
    /// In network order.
    func big32(at offset: Int) throws(ImageRefusal) -> UInt32 {
        try slice(at: offset, count: 4).reduce(0) { $0 << 8 | UInt32($1) }
    }
    func big64(at offset: Int) throws(ImageRefusal) -> UInt64 {
        try slice(at: offset, count: 8).reduce(0) { $0 << 8 | UInt64($1) }
    }
    func little16(at offset: Int) throws(ImageRefusal) -> UInt16 { try big16(at: offset).byteSwapped }
    func little32(at offset: Int) throws(ImageRefusal) -> UInt32 { try big32(at: offset).byteSwapped }
    func little64(at offset: Int) throws(ImageRefusal) -> UInt64 { try big64(at: offset).byteSwapped }
    private func big16(at offset: Int) throws(ImageRefusal) -> UInt16 {
        try slice(at: offset, count: 2).reduce(0) { $0 << 8 | UInt16($1) }
    }
}
