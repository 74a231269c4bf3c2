/// Writes qcow2 files byte by byte, sound ones and hostile ones: header, refcount table, refcount block, L1 table, one 64 KiB cluster each.
struct QcowFixture {
    var version: UInt32 = 3
    var size: UInt64 = 1 << 20
    var backing = ""
    var backingFormat = ""
    var dataFile = ""
    var incompatible: UInt64 = 0
    var encryption: UInt32 = 0
    var snapshots: UInt32 = 0
    var clusterBits: UInt32 = 16
    var headerLength: UInt32 = 104
    var refcountOrder: UInt32 = 4
    var l1Entries: UInt32 = 1
    var l1Offset: UInt64 = 3 << 16
    var refcountClusters: UInt32 = 1
    var extraExtension: (number: UInt32, bytes: [UInt8])?
    /// Overrides what the header says about where the backing file's name lies.
    var backingLength: UInt32?

    var bytes: [UInt8] {
        var extensions: [UInt8] = []
        func add(_ number: UInt32, _ bytes: [UInt8]) {
            extensions += big(number) + big(UInt32(bytes.count)) + bytes
            extensions += [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
        }
        if !backingFormat.isEmpty { add(0xE279_2ACA, Array(backingFormat.utf8)) }
        if !dataFile.isEmpty { add(0x4441_5441, Array(dataFile.utf8)) }
        if let extra = extraExtension { add(extra.number, extra.bytes) }
        add(0, [])
        let length = version == 2 ? 72 : headerLength
        let offset = backing.isEmpty ? 0 : UInt64(length) + UInt64(extensions.count)
        var header: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
        header += big(version) + big(offset) + big(backingLength ?? UInt32(backing.utf8.count)) + big(clusterBits) + big(size)
        header += big(encryption) + big(l1Entries) + big(l1Offset) + big(UInt64(1) << 16) + big(refcountClusters)
        header += big(snapshots) + big(UInt64(0))
        if version >= 3 { header += big(incompatible) + big(UInt64(0)) + big(UInt64(0)) + big(refcountOrder) + big(headerLength) }
        if header.count < Int(length) { header += [UInt8](repeating: 0, count: Int(length) - header.count) }
        let first = padded(header + extensions + Array(backing.utf8))
        let block = padded(Array([[UInt8]](repeating: [0, 1], count: 4).joined()))
        return first + padded(big(UInt64(2) << 16)) + block + padded([])
    }

    private func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (1 << 16) - bytes.count) }
    private func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}

/// A raw disk with a boot sector; `filler` follows it.
func rawDisk(size: Int = 65536, filler: UInt8 = 0) -> [UInt8] {
    var bytes = [UInt8](repeating: filler, count: size)
    bytes.replaceSubrange(0..<512, with: [0xEB, 0x63] + [UInt8](repeating: 0, count: 508) + [0x55, 0xAA])
    return bytes
}

/// A raw disk of `size` bytes, a multiple of 4096, whose blocks all differ, so that a byte in the wrong place changes the digest.
func patternedDisk(size: Int) -> [UInt8] {
    let noise = (0..<4096).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    for block in 0..<(size / 4096) {
        bytes += withUnsafeBytes(of: block.bigEndian) { Array($0) }
        bytes += noise[8...]
    }
    bytes.replaceSubrange(510..<512, with: [0x55, 0xAA])
    return bytes
}
