package import HostalModel

/// Why an image is not accepted, as a cause: `it has a backing file; an image must be complete in itself`.
package struct ImageRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package var reason: String
    package init(_ reason: String) { self.reason = reason }
    package var description: String { reason }
}

/// What an accepted image is.
package struct ImageFacts: Hashable, Sendable {
    package var format: DiskFormat
    /// What a guest sees, in bytes.
    package var virtualSize: Int64

    package init(format: DiskFormat, virtualSize: Int64) {
        self.format = format
        self.virtualSize = virtualSize
    }
}

/// Decides from a file's own bytes whether it may become an image, before any tool opens it: tools follow what headers say, and headers
/// of strangers have named `/etc/shadow`. Accepts raw disks with a boot sector and self-contained qcow2; a pure function.
package enum ImageInspector {
    /// The largest disk that an image may show, in bytes: 2 TiB.
    package static let virtualSizeLimit: Int64 = 2 << 40

    /// Throws an `ImageRefusal` unless the file is a sound image of exactly the claimed format.
    package static func inspect(_ sample: ImageSample, as claimed: DiskFormat) throws(ImageRefusal) -> ImageFacts {
        let found = try recognise(sample)
        guard found == claimed else { throw ImageRefusal("it is said to be \(claimed.rawValue) but is \(found.rawValue)") }
        let header = claimed == .qcow2 ? try QcowHeader(sample.head) : nil
        let size = header?.virtualSize ?? sample.size
        guard size > 0, size % 512 == 0 else { throw ImageRefusal("its size, \(size) bytes, is not a multiple of 512 bytes") }
        guard size <= virtualSizeLimit else {
            throw ImageRefusal("its disk is \(size.inBinaryUnits); at most \(virtualSizeLimit.inBinaryUnits) are accepted")
        }
        if let header {
            try check(header, fileSize: sample.size)
        } else {
            try checkBootSector(sample.head)
        }
        return ImageFacts(format: claimed, virtualSize: size)
    }

    /// The format for which nobody made a claim: an operator's own file. Refuses other formats by name.
    package static func recognise(_ sample: ImageSample) throws(ImageRefusal) -> DiskFormat {
        guard sample.size > 0 else { throw ImageRefusal("it is empty") }
        if let name = ForeignFormat.name(of: sample) {
            throw ImageRefusal("it is \(name); raw and qcow2 are accepted")
        }
        return sample.head.starts(with: QcowHeader.magic) ? .qcow2 : .raw
    }

    private static func checkBootSector(_ head: [UInt8]) throws(ImageRefusal) {
        guard head.count >= 512, head[510] == 0x55, head[511] == 0xAA else {
            throw ImageRefusal("it has no boot sector (55 AA at byte 510), so it is not a bootable raw disk")
        }
    }

    private static func check(_ header: QcowHeader, fileSize: Int64) throws(ImageRefusal) {
        guard header.backing == nil, !header.extensions.contains(.backingFormat) else {
            throw ImageRefusal("it has a backing file; an image must be complete in itself")
        }
        guard !header.features.contains(.externalData), !header.extensions.contains(.dataFile) else {
            throw ImageRefusal("its data is in another file; an image must be complete in itself")
        }
        guard header.encryption == 0, !header.extensions.contains(.encryption) else { throw ImageRefusal("it is encrypted") }
        guard !header.features.contains(.dirty), !header.features.contains(.corrupt) else {
            throw ImageRefusal("it is marked as damaged or still in use; repair it with 'qemu-img check -r all' first")
        }
        guard header.features.isSubset(of: .accepted) else {
            let unknown = String(header.features.subtracting(.accepted).rawValue, radix: 16)
            throw ImageRefusal("it needs unknown qcow2 features (bits 0x\(unknown))")
        }
        guard header.snapshots == 0 else {
            throw ImageRefusal("it has \(header.snapshots) internal snapshots; delete them with 'qemu-img snapshot -d' first")
        }
        guard !header.extensions.contains(.bitmaps) else { throw ImageRefusal("it carries backup bitmaps; remove them first") }
        try header.checkTables(fileSize: fileSize)
    }
}
