import FoundationEssentials
import HostalModel
import HostalSystem
import HostalTestKit

/// What a guest of `Fixture` runs from when its disk is to be copied: a disk over an image, with bytes of both.
struct LiveDisk: Sendable {
    private static let size: Int64 = 8 << 30
    /// How many bytes of the image there are. A copy of `large` takes longer than telling QEMU to be slow.
    enum Image: Int64 {
        case small = 16
        case large = 512
        /// Also where `BootSectors.writer` writes.
        case larger = 960

        fileprivate var range: Range<Int64> { 16 << 20..<(16 + rawValue) << 20 }
    }
    /// Where the image has bytes, and the disk others.
    private static let written: Range<Int64> = 18 << 20..<19 << 20
    private static let discarded: Range<Int64> = 20 << 20..<21 << 20
    /// Beyond the image.
    private static let far: Range<Int64> = (8 << 30) - (64 << 10)..<8 << 30

    let path: String
    let image: String
    private let holding: Image

    /// Takes the place of the fixture's own, for a guest that is yet to be started.
    init(of fixture: Fixture, _ image: Image = .small) async throws {
        try await self.init(in: fixture.host.directory, boot: "\(fixture.host.directory)/base.raw", image)
    }

    /// `boot` begins with the sector that its guest starts from.
    init(in directory: String, boot: String, _ image: Image = .small) async throws {
        path = "\(directory)/disk.qcow2"
        self.image = "\(directory)/base.qcow2"
        holding = image
        _ = try await Command("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", boot, self.image]).run()
        try await Self.io(self.image, ["truncate \(1 << 30)"] + Self.writes(0x11, image.range))
        _ = try await Command("rm", ["-f", path]).run()
        _ = try await Command(
            "qemu-img",
            [
                "create", "-q", "-f", "qcow2", "-o", "cluster_size=128k,extended_l2=on", "-b", self.image, "-F", "qcow2", path,
                "\(Self.size)",
            ]
        ).run()
        try await Self.io(
            path,
            Self.writes(0x22, Self.written) + Self.writes(0x33, Self.far)
                + ["write -z -u \(Self.discarded.lowerBound) \(Self.discarded.count)"])
    }

    /// Every byte that counts is read: whether the file holds what the disk did when it was made, whatever its guest has written since.
    func isCopied(to file: String) async throws -> Bool {
        let image = holding.range
        let expected: [(UInt8, Range<Int64>)] = [
            (0, 8 << 20..<image.lowerBound), (0x11, image.lowerBound..<Self.written.lowerBound), (0x22, Self.written),
            (0x11, Self.written.upperBound..<Self.discarded.lowerBound), (0, Self.discarded),
            (0x11, Self.discarded.upperBound..<image.upperBound), (0, image.upperBound..<544 << 20), (0x33, Self.far),
        ]
        do {
            try await Self.io(file, expected.flatMap { Self.steps($0.1, "read -P \($0.0)") })
            return true
        } catch let error as CommandError where error.exitCode == 1 && error.errorTail.isEmpty {
            return false
        }
    }

    /// Whether a qcow2 header names another file. One that a guest has open can be asked too.
    static func hasBacking(_ file: String) async throws -> Bool {
        try await Command("qemu-img", ["info", "-U", "-f", "qcow2", file]).run().contains("backing file:")
    }

    /// How many pieces `BootSectors.writer` has left in a copy.
    static func pieces(in file: String) async throws -> Int {
        let raw = "\(file).raw"
        _ = try await Command("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", file, raw]).run()
        let disk = try OpenFile(raw, .read)
        var count = 0
        while try disk.bytes(4, at: BootSectors.firstPiece + Int64(count) * BootSectors.pieceDistance).contains(where: { $0 != 0 }
        ) {
            count += 1
        }
        return count
    }

    private static func writes(_ pattern: UInt8, _ range: Range<Int64>) -> [String] { steps(range, "write -P \(pattern)") }

    private static func steps(_ range: Range<Int64>, _ command: String) -> [String] {
        stride(from: range.lowerBound, to: range.upperBound, by: 256 << 20).map {
            "\(command) \($0) \(min(256 << 20, range.upperBound - $0))"
        }
    }

    private static func io(_ file: String, _ commands: [String]) async throws {
        let arguments = commands.flatMap { ["-c", $0] }
        _ = try await Command("qemu-io", ["-t", "unsafe", "-f", "qcow2"] + arguments + [file], timeout: .seconds(300)).run()
    }
}

extension Fixture {
    /// A directory for copies that QEMU can enter.
    func copies() async throws -> String {
        let path = "\(host.directory)/copies"
        _ = try await Command("mkdir", ["-m", "711", path]).run()
        return path
    }

    /// What QEMU does with the root disk by itself takes minutes from now on.
    func slow() async throws { _ = try await virsh("blockjob", domain, "vda", "--bandwidth", "1") }
    func hurry() async throws { _ = try await virsh("blockjob", domain, "vda", "--bandwidth", "0") }

    func isCopying() async throws -> Bool {
        try await !virsh("blockjob", domain, "vda", "--info").isEmpty
    }

    /// Of the root disk, by the guest.
    func writes() async throws -> Int {
        let line = try await virsh("domblkstat", domain, "vda").split(separator: "\n").first { $0.contains("wr_req") }
        return Int(line?.split(separator: " ").last ?? "") ?? -1
    }

    func state() async throws -> String { try await virsh("domstate", "--reason", domain) }
}
