package import HostalModel

/// A format that an image may arrive in. raw and qcow2 stay as they are; the others become qcow2.
package enum ImportFormat: String, Sendable, Hashable, CaseIterable {
    case raw, qcow2, vmdk, vdi, vhd, vhdx

    package init(_ format: DiskFormat) {
        switch format {
        case .raw: self = .raw
        case .qcow2: self = .qcow2
        }
    }

    /// Nil for what must be converted.
    package var native: DiskFormat? { DiskFormat(rawValue: rawValue) }
    /// QEMU's name.
    package var driver: String { self == .vhd ? "vpc" : rawValue }

    /// The format of a file for which nobody made a claim, by the mark that it carries; what carries none is raw.
    static func recognise(_ sample: ImageSample) -> ImportFormat {
        let marked = [
            (vmdk, 0, VMDKDisk.magic), (vhdx, 0, VHDXDisk.magic), (vhd, 0, VHDDisk.magic),
            (vdi, VDIDisk.markOffset, VDIDisk.mark),
            (qcow2, 0, QcowHeader.magic),
        ].first { sample.head.dropFirst($0.1).starts(with: $0.2) }
        if let marked, marked.0 != .qcow2 { return marked.0 }
        if sample.size >= 512 && sample.tail.starts(with: VHDDisk.magic) { return .vhd }
        return marked?.0 ?? .raw
    }
}

/// What an accepted image of another system is.
package struct ForeignFacts: Hashable, Sendable {
    package var format: ImportFormat
    /// What a guest sees, in bytes.
    package var virtualSize: Int64
    /// Bytes of it that the file holds data for: what a conversion writes.
    package var mapped: Int64
}

extension ImageInspector {
    /// Throws an `ImageRefusal` unless the file is a sound, self-contained image of the claimed format of another system, and a `FileError`
    /// when it cannot be read. Reads headers and tables, at most some hundred MiB of a file that is as large; opens no other file.
    package static func inspectForeign<Bytes: ImageBytes & ~Copyable>(
        _ bytes: borrowing Bytes, as claimed: ImportFormat
    ) throws -> ForeignFacts {
        let (size, mapped) =
            switch claimed {
            case .vmdk: try VMDKDisk.inspect(bytes)
            case .vdi: try VDIDisk.inspect(bytes)
            case .vhd: try VHDDisk.inspect(bytes)
            case .vhdx: try VHDXDisk.inspect(bytes)
            case .raw, .qcow2: throw ImageRefusal("it is said to be \(claimed.rawValue)")
            }
        return ForeignFacts(format: claimed, virtualSize: size, mapped: mapped)
    }

    /// A disk's size in bytes, of `count` units of `unit` bytes. Refuses what is no size, or beyond the limit.
    static func size(_ count: UInt64, of unit: UInt64 = 1) throws(ImageRefusal) -> Int64 {
        let (bytes, overflows) = count.multipliedReportingOverflow(by: unit)
        guard !overflows, bytes <= UInt64(virtualSizeLimit) else {
            throw ImageRefusal("its disk is larger than \(virtualSizeLimit.inBinaryUnits), which is the most that is accepted")
        }
        guard bytes > 0, bytes % 512 == 0 else { throw ImageRefusal("its size, \(bytes) bytes, is not a multiple of 512 bytes") }
        return Int64(bytes)
    }
}

extension FixedWidthInteger {
    /// Rounded up; the divisor is positive.
    func parts(of size: Self) -> Self { self / size + (self % size == 0 ? 0 : 1) }
    var isPowerOfTwo: Bool { self > 0 && nonzeroBitCount == 1 }
}
