import HostalModel
import HostalProvisioning

/// What a disk's file says of itself, read by us: nothing is probed.
struct DiskHeader: Hashable, Sendable {
    /// What a guest sees, in bytes.
    var size: Int64
    /// What it reads that it has not itself; nil where it stands on its own, also if its row does not know that yet.
    var backing: VolumeBacking?
    private var hasSubclusters = false

    /// See `QemuImg` for what QEMU makes of subclusters.
    var flatteningInUse: FlatteningInUse { backing == nil ? .pool : hasSubclusters ? .no : .hypervisor }

    /// Of a file of `length` bytes with this head. A raw disk is as long as its file, whatever a guest wrote into it.
    ///
    /// Guests write below a qcow2 header, never into it; one over another file, `below` being the row's as headers name it, was made by
    /// something else. A worker may die between flattening a disk and its record: so one over nothing is taken for ours as well, if it is laid
    /// out as our overlays are, which tools by themselves do not do. It names no file, so that nothing of the host's can be read by it.
    init(of volume: Volume, head: [UInt8], length: Int64, below: String?, mayBeFlat: Bool) throws(ImageRefusal) {
        guard volume.format == .qcow2 else {
            size = length
            return
        }
        let header = try QcowHeader(head)
        size = header.virtualSize
        guard !header.features.contains(.externalData) else { throw ImageRefusal("its data is in another file") }
        let expected = volume.backing.map { QcowHeader.Backing(path: below ?? "", format: $0.format.rawValue) }
        if header.backing == expected {
            backing = volume.backing
            hasSubclusters = header.features.contains(.extendedL2)
            return
        }
        guard mayBeFlat, header.backing == nil, header.hasLayoutOfOverlays else {
            throw ImageRefusal("found one over \(Self.text(header.backing)); expected one over \(Self.text(expected))")
        }
    }

    private static func text(_ backing: QcowHeader.Backing?) -> String {
        backing.map { "\($0.path) (\($0.format ?? "no format"))" } ?? "nothing"
    }
}

extension Failure {
    /// Nothing of the disk is lost: it works again when the image is back. `file` is named by the image's digest.
    static func withoutImage(_ file: String, where place: String) -> Failure {
        let digest = file.split(separator: "/").last?.split(separator: ".").first.flatMap { Digest(hex: String($0)) }
        return Failure(
            .needsOperator, .imageUnavailable, "cannot use the disk: the image that it is built on is missing",
            detail: "image \(digest?.description ?? file) is missing \(place): bring it back as \(file); the disk itself is whole"
        )
    }
}
