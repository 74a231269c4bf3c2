import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalSystem

/// A disk as QEMU's tools open it, which is as a guest would see it. The format is always named.
struct OpenedDisk: Sendable {
    private enum Name: Sendable {
        case file(String, DiskFormat)
        case options(String, objects: [String])
    }
    private let name: Name

    private static let limit = Duration.seconds(300)
    /// The kernel lets go of a killed tool's files one after the other, its output before its locks.
    private static let lockLimit = Duration.seconds(5)
    /// One command writes less than 2 GiB, and holds what it writes in memory.
    private static let step: Int64 = 1 << 28

    init(file: String, format: DiskFormat) { name = .file(file, format) }
    /// `objects` are arguments of each tool, such as a secret's.
    init(options: String, objects: [String]) { name = .options(options, objects: objects) }

    func io(_ commands: [String]) async throws {
        let commands = commands.flatMap { ["-c", $0] }
        let arguments =
            switch name {
            case .file(let file, let format): ["-f", format.rawValue] + commands + [file]
            case .options(let options, let objects): objects + ["--image-opts"] + commands + [options]
            }
        // Without flushes: what counts here is what others read, and no power cut comes in between.
        let command = Command("qemu-io", ["-t", "unsafe"] + arguments, timeout: Self.limit)
        let deadline = ContinuousClock.now + Self.lockLimit
        while true {
            do {
                _ = try await command.run()
                return
            } catch let error as CommandError
                where error.errorTail.contains("Failed to get \"write\" lock") && ContinuousClock.now < deadline
            {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    func write(_ pattern: UInt8, _ range: Range<Int64>) async throws {
        try await io(Self.steps(range).map { "write -P \(pattern) \($0.lowerBound) \($0.count)" })
    }

    /// Every byte is read: whether all of them are `pattern`.
    func holds(_ pattern: UInt8, _ range: Range<Int64>) async throws -> Bool {
        do {
            try await io(Self.steps(range).map { "read -P \(pattern) \($0.lowerBound) \($0.count)" })
            return true
        } catch let error as CommandError where error.exitCode == 1 && error.errorTail.isEmpty {
            return false
        }
    }

    /// Whether it reads as the image does, and zeroes beyond.
    func equals(_ image: StoredImage) async throws -> Bool {
        let arguments =
            switch name {
            case .file(let file, let format): ["-f", image.format.rawValue, "-F", format.rawValue, image.path, file]
            case .options(let options, let objects):
                objects + ["--image-opts", "driver=\(image.format.rawValue),file.filename=\(image.path)", options]
            }
        do {
            _ = try await Command("qemu-img", ["compare"] + arguments, timeout: Self.limit).run()
            return true
        } catch let error as CommandError where error.exitCode == 1 {
            return false
        }
    }

    /// 64 KiB.
    func beginning() async throws -> [UInt8] {
        let directory = try TestDirectory()
        let file = directory.directory.path(of: "beginning")
        let input =
            switch name {
            case .file(let name, let format): ["-f", format.rawValue, "if=\(name)"]
            case .options(let options, let objects): objects + ["--image-opts", "if=\(options)"]
            }
        let arguments = ["dd"] + input + ["-O", "raw", "bs=64k", "count=1", "of=\(file)"]
        _ = try await Command("qemu-img", arguments, timeout: Self.limit).run()
        return try OpenFile(file, .read).bytes(65536, at: 0)
    }

    private static func steps(_ range: Range<Int64>) -> [Range<Int64>] {
        stride(from: range.lowerBound, to: range.upperBound, by: Int(step)).map { $0..<min($0 + step, range.upperBound) }
    }
}
