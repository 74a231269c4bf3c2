import FoundationEssentials
package import HostalModel
import HostalSystem

/// The one place that runs `qemu-img`. Formats are pinned, never probed; each run has a time limit and, because all of them read headers
/// that others wrote, limits on CPU time and memory. Throws `CommandError`. Paths are absolute: no text before a colon becomes a protocol.
package struct QemuImg: Sendable {
    /// For what touches headers only.
    package static let quickLimit = Duration.seconds(60)
    /// For what reads or writes all of a disk.
    package static let longLimit = Duration.seconds(3600)
    /// CPU seconds for a quick run; OpenStack settled on the same.
    static let quickCPU = 30
    /// CPU seconds for a long run.
    static let longCPU = 1800
    /// Address space of one run, in bytes: 2 GiB.
    static let memory = 2 << 30

    /// Small enough that a first write into a shared cluster copies 4 KiB, large enough that tables stay small.
    private static let layout = "cluster_size=128k,extended_l2=on"

    package init() {}

    /// A new disk of `size` bytes that reads what it has not written from `backing`, by its absolute path and with its format named.
    package func createOverlay(at path: String, size: Int64, backing: String, format: DiskFormat) async throws {
        try await quick(
            ["create", "-q", "-f", "qcow2", "-o", Self.layout, "-b", backing, "-F", format.rawValue, path, String(size)])
    }

    /// A new qcow2 disk of its own with everything in `source`, then grown to `size` bytes.
    package func copy(_ source: String, format: DiskFormat, to path: String, size: Int64) async throws {
        try await long(["convert", "-q", "-f", format.rawValue, "-O", "qcow2", "-o", Self.layout, source, path])
        try await quick(["resize", "-q", "-f", "qcow2", path, String(size)])
    }

    /// Makes the disk `size` bytes long. It reads the header, and that of the file below, by the formats that they were made with.
    package func grow(_ path: String, to size: Int64) async throws {
        try await quick(["resize", "-q", "-f", "qcow2", path, String(size)])
    }

    /// The bytes that a full copy will take at most.
    package func sizeOfCopy(of source: String, format: DiskFormat) async throws -> Int64 {
        struct Answer: Decodable { var required: Int64 }
        let text = try await quick([
            "measure", "--output", "json", "-f", format.rawValue, "-O", "qcow2", "-o", Self.layout, source,
        ])
        return try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).required
    }

    /// Throws unless every table of the qcow2 file is consistent. Leaked clusters, which cost room and nothing else, are accepted.
    package func check(_ path: String) async throws {
        do {
            try await long(["check", "-q", "-f", "qcow2", path])
        } catch let error as CommandError where error.reason == "exited(3)" {}
    }

    @discardableResult
    private func quick(_ arguments: [String]) async throws -> String {
        try await run(arguments, timeout: Self.quickLimit, cpu: Self.quickCPU)
    }

    @discardableResult
    private func long(_ arguments: [String]) async throws -> String {
        try await run(arguments, timeout: Self.longLimit, cpu: Self.longCPU)
    }

    private func run(_ arguments: [String], timeout: Duration, cpu: Int) async throws -> String {
        let limits = ["--cpu=\(cpu)", "--as=\(Self.memory)", "--core=0", "--", "qemu-img"]
        do {
            return try await Command("prlimit", limits + arguments, timeout: timeout).run()
        } catch var error as CommandError {
            error.program = "qemu-img \(arguments.first ?? "")"
            throw error
        }
    }
}
