/// What the tables of a qcow2 file name.
enum QcowMap {
    private static let place: UInt64 = 0x00FF_FFFF_FFFF_FE00
    /// No cluster compresses to less, in bytes.
    private static let compressed: Int64 = 16

    /// Bytes of the guest's disk that the file holds data for. Throws an `ImageRefusal` when tables or data lie outside the file or are
    /// named more than once. Reads every table once; the header's own checks have passed.
    static func check<Bytes: ImageBytes & ~Copyable>(_ header: QcowHeader, of bytes: borrowing Bytes) throws -> Int64 {
        let cluster = Int64(1) << Int64(header.clusterBits)
        let step = header.features.contains(.extendedL2) ? 2 : 1
        let width = 62 - (UInt64(header.clusterBits) - 8)
        var map = ImageMap(fileSize: try bytes.size(), slack: cluster)
        try map.each(UInt64.self, of: bytes, at: header.l1Offset, count: header.l1Entries, bigEndian: true) { table in
            let offset = table & place
            guard offset != 0 else { return }
            try map.add(guest: 0, taking: cluster, at: offset)
            var index = 0
            try map.each(UInt64.self, of: bytes, at: offset, count: UInt64(cluster) / 8, bigEndian: true) { entry in
                defer { index += 1 }
                guard index % step == 0 else { return }
                if entry & 1 << 62 != 0 {
                    try map.add(guest: cluster, taking: compressed, at: entry & ((1 << width) - 1))
                } else if entry & place != 0 {
                    try map.add(guest: cluster, taking: cluster, at: entry & place)
                }
            }
        }
        return map.mapped
    }
}

extension ImageInspector {
    /// Throws an `ImageRefusal` unless header and tables of a qcow2 file lie inside it and name no place twice. Reads all its tables, which
    /// `inspect` does not. Returns the bytes of the guest's disk that the file holds data for.
    @discardableResult
    package static func inspectTables<Bytes: ImageBytes & ~Copyable>(of bytes: borrowing Bytes) throws -> Int64 {
        let header = try QcowHeader(try bytes.bytes(ImageSample.headLimit, at: 0))
        try header.checkTables(fileSize: try bytes.size())
        return try QcowMap.check(header, of: bytes)
    }
}
