/// The header of a qcow2 file, versions 2 and 3, read by ourselves: docs/interop/qcow2.txt of QEMU is the format's definition.
package struct QcowHeader: Sendable, Hashable {
    package struct Backing: Sendable, Hashable {
        package var path: String
        /// Nil when the header does not say, which makes tools probe.
        package var format: String?

        package init(path: String, format: String?) {
            self.path = path
            self.format = format
        }
    }

    package struct Features: OptionSet, Sendable, Hashable {
        package let rawValue: UInt64
        package init(rawValue: UInt64) { self.rawValue = rawValue }
        static let dirty = Features(rawValue: 1)
        static let corrupt = Features(rawValue: 2)
        static let externalData = Features(rawValue: 4)
        static let compressionType = Features(rawValue: 8)
        static let extendedL2 = Features(rawValue: 16)
        static let accepted: Features = [.compressionType, .extendedL2]
    }

    /// Header extensions that matter to us, by their number in the format; others are harmless names.
    package enum Extension: UInt32, Sendable {
        case backingFormat = 0xE279_2ACA
        case dataFile = 0x4441_5441
        case encryption = 0x0537_BE77
        case bitmaps = 0x2385_2875
    }

    package static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]

    package var version: UInt32
    /// What a guest sees, in bytes.
    package var virtualSize: Int64
    package var backing: Backing?
    package var features: Features
    package var extensions: Set<Extension>
    package var encryption: UInt32
    package var snapshots: UInt32
    package var clusterBits: UInt32
    /// As the overlays that `QemuImg` makes are laid out, and hardly anything else is.
    var hasLayoutOfOverlays: Bool { clusterBits == 17 }
    private(set) var l1Offset: UInt64
    private(set) var l1Entries: UInt64
    private var refcountOffset: UInt64
    private var refcountClusters: UInt64

    /// QEMU's own bounds: it refuses larger tables.
    private static let l1Limit: UInt64 = 32 << 20
    private static let refcountTableLimit: UInt64 = 8 << 20
    private static let backingPathLimit = 1023

    /// Throws when `head`, the file's first 64 KiB, does not hold a whole and sane header.
    package init(_ head: [UInt8]) throws(ImageRefusal) {
        let bytes = HeaderBytes(head)
        guard head.starts(with: Self.magic) else { throw ImageRefusal("it is not qcow2") }
        guard head.count >= 72 else { throw ImageRefusal("its header is cut off") }
        version = try bytes.big32(at: 4)
        guard version == 2 || version == 3 else { throw ImageRefusal("it is qcow2 of version \(version); 2 and 3 are accepted") }
        clusterBits = try bytes.big32(at: 20)
        guard (9...21).contains(clusterBits) else {
            throw ImageRefusal("its clusters are 2^\(clusterBits) bytes; 2^9 to 2^21 are accepted")
        }
        guard let size = Int64(exactly: try bytes.big64(at: 24)) else { throw ImageRefusal("its disk is larger than 8 EiB") }
        virtualSize = size
        encryption = try bytes.big32(at: 32)
        l1Entries = UInt64(try bytes.big32(at: 36))
        l1Offset = try bytes.big64(at: 40)
        refcountOffset = try bytes.big64(at: 48)
        refcountClusters = UInt64(try bytes.big32(at: 56))
        snapshots = try bytes.big32(at: 60)
        let cluster = 1 << Int(clusterBits)
        var length = 72
        if version == 3 {
            features = Features(rawValue: try bytes.big64(at: 72))
            guard try bytes.big32(at: 96) <= 6 else { throw ImageRefusal("its reference counts are wider than 64 bits") }
            length = Int(try bytes.big32(at: 100))
            guard length >= 104, length <= cluster, length % 8 == 0 else {
                throw ImageRefusal("its header claims \(length) bytes")
            }
            if length > 104 {
                let compression = try bytes.byte(at: 104)
                guard compression <= 1 else { throw ImageRefusal("it is compressed in an unknown way (type \(compression))") }
            }
        } else {
            features = []
        }
        let backingOffset = try bytes.big64(at: 8)
        let backingLength = try bytes.big32(at: 16)
        let end = min(cluster, backingOffset > 0 ? Int(clamping: backingOffset) : cluster)
        let found = try Self.readExtensions(bytes, from: length, to: end)
        extensions = Set(found.keys)
        if backingOffset != 0 || backingLength != 0 {
            guard backingLength <= Self.backingPathLimit, backingOffset <= UInt64(cluster) else {
                throw ImageRefusal("the name of its backing file lies outside its header")
            }
            let path = try bytes.slice(at: Int(backingOffset), count: Int(backingLength))
            backing = Backing(
                path: String(decoding: path, as: UTF8.self),
                format: found[.backingFormat].map { String(decoding: $0, as: UTF8.self) })
        }
    }

    private static func readExtensions(
        _ bytes: HeaderBytes, from start: Int, to end: Int
    ) throws(ImageRefusal) -> [Extension: ArraySlice<UInt8>] {
        var found: [Extension: ArraySlice<UInt8>] = [:]
        var offset = start
        while offset + 8 <= end {
            let number = try bytes.big32(at: offset)
            if number == 0 { break }
            let length = Int(try bytes.big32(at: offset + 4))
            guard length <= end - offset - 8 else { throw ImageRefusal("a header extension reaches past its header") }
            if let known = Extension(rawValue: number) { found[known] = try bytes.slice(at: offset + 8, count: length) }
            offset += 8 + (length + 7) / 8 * 8
        }
        return found
    }

    /// Throws unless both top-level tables lie inside the file and fit the disk.
    package func checkTables(fileSize: Int64) throws(ImageRefusal) {
        let cluster = UInt64(1) << UInt64(clusterBits)
        let size = UInt64(clamping: fileSize)
        let entriesInL2 = cluster / (features.contains(.extendedL2) ? 16 : 8)
        let perEntry = cluster * entriesInL2
        let needed = (UInt64(clamping: virtualSize) + perEntry - 1) / perEntry
        guard l1Entries >= needed, l1Entries * 8 <= Self.l1Limit else {
            throw ImageRefusal("its L1 table has \(l1Entries) entries; its disk needs \(needed)")
        }
        guard l1Offset % cluster == 0, l1Offset <= size, l1Entries * 8 <= size - l1Offset else {
            throw ImageRefusal("its L1 table lies outside the file: the file is cut off")
        }
        let table = refcountClusters * cluster
        guard table > 0, table <= Self.refcountTableLimit, refcountOffset > 0, refcountOffset % cluster == 0,
            refcountOffset <= size,
            table <= size + cluster - refcountOffset
        else { throw ImageRefusal("its refcount table lies outside the file: the file is cut off") }
    }
}
