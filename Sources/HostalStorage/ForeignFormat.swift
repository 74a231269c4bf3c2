/// Formats that are refused by name, also where somebody calls them raw: a tool that probes would open what they point at.
enum ForeignFormat {
    private static let starts: [(bytes: [UInt8], name: String)] = [
        (Array("QFI\u{FB}".unicodeScalars.map { UInt8($0.value) }) + [0, 0, 0, 1], "a qcow image of version 1"),
        (Array("QED\0".utf8), "a QED image"),
        (Array("KDMV".utf8), "a VMDK image"),
        (Array("COWD".utf8), "a VMDK image of an old kind"),
        (Array("conectix".utf8), "a VHD image"),
        (Array("vhdxfile".utf8), "a VHDX image"),
        (Array("<<< ".utf8), "a VDI image"),
        (Array("LUKS".utf8) + [0xBA, 0xBE], "a LUKS-encrypted disk"),
        (Array("WithoutFreeSpace".utf8), "a Parallels image"),
        (Array("WithouFreSpacExt".utf8), "a Parallels image"),
        (Array("Bochs Virtual HD Image".utf8), "a Bochs image"),
        (Array("#!/bin/sh\n#V2.0 Format".utf8), "a cloop image"),
        ([0x1F, 0x8B], "compressed with gzip"),
        ([0xFD] + Array("7zXZ\0".utf8), "compressed with xz"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd"),
        (Array("BZh".utf8), "compressed with bzip2"),
        (Array("PK\u{3}\u{4}".utf8), "a ZIP archive"),
    ]
    private static let inside: [(offset: Int, bytes: [UInt8], name: String)] = [
        (64, [0x7F, 0x10, 0xDA, 0xBE], "a VDI image"),
        (257, Array("ustar".utf8), "a tar archive"),
        (32769, Array("CD001".utf8), "an ISO 9660 image"),
    ]
    private static let ends: [(bytes: [UInt8], name: String)] = [
        (Array("conectix".utf8), "a VHD image"),
        (Array("koly".utf8), "a DMG image"),
    ]

    /// Nil for what could be raw or qcow2.
    static func name(of sample: ImageSample) -> String? {
        if let start = starts.first(where: { sample.head.starts(with: $0.bytes) }) { return start.name }
        if let mark = inside.first(where: { sample.head.dropFirst($0.offset).starts(with: $0.bytes) }) { return mark.name }
        if let end = ends.first(where: { sample.size >= 512 && sample.tail.starts(with: $0.bytes) }) { return end.name }
        return isVMDKDescriptor(sample.head) ? "a VMDK descriptor, whose data is in other files" : nil
    }

    /// QEMU takes a text for a VMDK whose first line that is neither empty nor a comment is `version=1`, 2 or 3.
    private static func isVMDKDescriptor(_ head: [UInt8]) -> Bool {
        if head.starts(with: Array("# Disk DescriptorFile".utf8)) { return true }
        var rest = head[...]
        while let first = rest.first {
            switch first {
            case UInt8(ascii: " "), UInt8(ascii: "\r"), UInt8(ascii: "\n"): rest = rest.dropFirst()
            case UInt8(ascii: "#"): rest = rest.drop { $0 != UInt8(ascii: "\n") }
            default: return rest.starts(with: Array("version=".utf8))
            }
        }
        return false
    }
}
