/// VMware's images in one file: monolithicSparse, and streamOptimized as OVF carries them. Sectors have 512 bytes.
enum VMDKDisk {
    static let magic = Array("KDMV".utf8)
    private static let entriesInTable: UInt64 = 512
    /// Newline test, redundant tables, zeroed grains, compression, markers.
    private static let flags: UInt32 = 0x3_0007
    private static let zeroedGrains: UInt32 = 4
    private static let compression: UInt32 = 0x1_0000
    private static let atEnd = UInt64.max

    /// What the header and its copy at the end must agree on, and where the tables are.
    private struct Header: Equatable {
        var version: UInt32
        var flags: UInt32
        var capacity: UInt64
        var grain: UInt64
        var descriptor: UInt64
        var descriptorLength: UInt64
        var entries: UInt32
        var compression: UInt16
        var directory: UInt64

        init(_ raw: [UInt8]) throws(ImageRefusal) {
            let bytes = HeaderBytes(raw)
            guard raw.count == 512, raw.starts(with: magic) else {
                throw ImageRefusal("it is not a sparse VMDK image, or is cut off")
            }
            version = try bytes.little32(at: 4)
            flags = try bytes.little32(at: 8)
            capacity = try bytes.little64(at: 12)
            grain = try bytes.little64(at: 20)
            descriptor = try bytes.little64(at: 28)
            descriptorLength = try bytes.little64(at: 36)
            entries = try bytes.little32(at: 44)
            directory = try bytes.little64(at: 56)
            compression = try bytes.little16(at: 77)
        }
    }

    static func inspect<Bytes: ImageBytes & ~Copyable>(_ bytes: borrowing Bytes) throws -> (size: Int64, mapped: Int64) {
        let end = try bytes.size()
        let first = try bytes.bytes(512, at: 0)
        let header = try Header(first)
        guard (1...3).contains(header.version), header.flags & ~flags == 0 else {
            throw ImageRefusal(
                "it needs unknown VMDK features (version \(header.version), flags 0x\(String(header.flags, radix: 16)))")
        }
        guard first[72] == 0 else {
            throw ImageRefusal("it is still in use, or its machine crashed: shut that down cleanly first")
        }
        guard header.flags & 1 == 0 || first[73..<77].elementsEqual([0x0A, 0x20, 0x0D, 0x0A]) else {
            throw ImageRefusal("it was damaged by a transfer as text")
        }
        let isCompressed = header.flags & compression != 0
        guard header.compression == (isCompressed ? 1 : 0) else { throw ImageRefusal("it is compressed in an unknown way") }
        // QEMU takes one without a size for a descriptor of other files.
        guard header.capacity > 0 else { throw ImageRefusal("its data is in another file; an image must be complete in itself") }
        let size = try ImageInspector.size(header.capacity, of: 512)
        guard header.grain.isPowerOfTwo, (8...2048).contains(header.grain), header.entries == UInt32(entriesInTable) else {
            throw ImageRefusal("its tables are of an unknown kind")
        }
        // QEMU reads the descriptor there whatever the header says.
        guard header.descriptor == 1, (1...128).contains(header.descriptorLength) else {
            throw ImageRefusal("its descriptor is not where it belongs")
        }
        try VMDKDescriptor.check(
            try bytes.bytes(Int(max(20, header.descriptorLength)) * 512, at: 512), length: Int(header.descriptorLength) * 512)
        var directory = header.directory
        if directory == atEnd {
            guard end >= 2048 else { throw ImageRefusal("it is cut off") }
            var footer = try Header(try bytes.bytes(512, at: end - 1024))
            directory = footer.directory
            footer.directory = header.directory
            guard footer == header else { throw ImageRefusal("its header and its footer differ") }
        }
        let grain = Int64(header.grain) * 512
        let tables = header.capacity.parts(of: header.grain * entriesInTable)
        guard directory <= UInt64(end) / 512 else { throw ImageRefusal("a table lies outside the file: the file is cut off") }
        var map = ImageMap(fileSize: end, slack: grain)
        try map.each(UInt32.self, of: bytes, at: directory * 512, count: tables, bigEndian: false) { table in
            guard table != 0 else { return }
            try map.add(guest: 0, taking: Int64(entriesInTable) * 4, at: UInt64(table) * 512)
            try map.each(UInt32.self, of: bytes, at: UInt64(table) * 512, count: entriesInTable, bigEndian: false) { entry in
                guard entry != 0, !(entry == 1 && header.flags & zeroedGrains != 0) else { return }
                try map.add(guest: grain, taking: isCompressed ? 512 : grain, at: UInt64(entry) * 512)
            }
        }
        return (size, map.mapped)
    }
}

/// The text in a VMDK image that says what it consists of.
enum VMDKDescriptor {
    private static let parentField = Array("parentFileNameHint".utf8)

    /// `bytes` is what tools may read of it, its first `length` bytes what it is said to be.
    static func check(_ bytes: [UInt8], length: Int) throws(ImageRefusal) {
        // Anywhere: what stands after the text's end is read by some.
        guard !bytes.contains(parentField) else {
            throw ImageRefusal("it names a parent image; an image must be complete in itself")
        }
        let text = String(decoding: bytes.prefix(length).prefix { $0 != 0 }, as: UTF8.self)
        var extents = 0
        var kind: String?
        for line in text.split(whereSeparator: \.isNewline) {
            if let match = line.wholeMatch(of: /\s*(?i:createType)\s*=\s*"?([A-Za-z0-9]+)"?\s*/) { kind = String(match.1) }
            if let match = line.wholeMatch(of: /\s*(?i:parentCID)\s*=\s*([0-9A-Fa-f]+)\s*/), match.1.lowercased() != "ffffffff" {
                throw ImageRefusal("it is a VMDK image over another one; an image must be complete in itself")
            }
            guard let match = line.wholeMatch(of: /\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+([A-Z0-9]+).*/) else { continue }
            extents += 1
            guard match.1 == "SPARSE" else {
                throw ImageRefusal("its data is in another file (\(match.1)); an image must be complete in itself")
            }
        }
        guard kind == "monolithicSparse" || kind == "streamOptimized" else {
            throw ImageRefusal(
                "it is a VMDK image of the kind \(kind ?? "unknown"); monolithicSparse and streamOptimized are accepted")
        }
        guard extents == 1 else { throw ImageRefusal("it consists of \(extents) files; an image must be complete in itself") }
    }
}
