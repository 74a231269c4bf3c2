import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalSystem
import Testing

/// How much of a sample image is not zeroes, from its start on.
let sampleData: Int64 = 4 << 20

/// A 1 GiB image with something in its first 4 MiB.
func sampleImage(
    _ format: DiskFormat, in images: Directory, _ root: TestDirectory, digest: String = String(repeating: "a", count: 64)
) async throws -> StoredImage {
    let raw = try root.file("source", patternedDisk(size: Int(sampleData)))
    _ = try await Command("truncate", ["-s", "1G", raw]).run()
    let digest = try #require(Digest(hex: digest))
    let path = images.path(of: "\(digest.hex).\(format.rawValue)")
    _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", format.rawValue, raw, path]).run()
    return StoredImage(digest: digest, path: path, format: format, virtualSize: 1 << 30)
}

/// A header over a file that no disk of ours lies over.
let foreignHeader = QcowFixture(size: 1 << 30, backing: "/etc/shadow", backingFormat: "raw").bytes

func plant(_ bytes: [UInt8], at path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
func bytes(at path: String) throws -> [UInt8] { try Array(Data(contentsOf: URL(filePath: path))) }
