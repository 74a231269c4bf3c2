import FoundationEssentials
package import HostalModel
import HostalSystem

/// The one place that runs `qemu-img`. Formats are pinned, never probed; each run is a `ConfinedTool`, because all of them read headers that
/// others wrote. Throws `CommandError`. Paths are absolute: no text before a colon becomes a protocol.
package struct QemuImg: Sendable {
    /// For what touches headers only.
    package static let quickLimit = Duration.seconds(60)
    /// For what reads or writes all of a disk.
    package static let longLimit = Duration.seconds(3600)
    /// CPU seconds for a quick run; OpenStack settled on the same.
    static let quickCPU = 30
    /// CPU seconds for a long run.
    static let longCPU = 1800
    /// What headers and tables take at most beside the data, in bytes; the rest is 1/64 of the disk.
    static let tables: Int64 = 64 << 20

    /// Small enough that a first write into a shared cluster copies 4 KiB, large enough that tables stay small.
    private static let layout = "cluster_size=128k,extended_l2=on"
    /// For overlays that QEMU is to flatten while guests run: with subclusters, which the other has, QEMU before 8.2 ends with
    /// `skip_bytes < pnum`, and the guest with it.
    private static let plainLayout = "cluster_size=128k"
    /// zstd takes a quarter of zlib's time, for the same size.
    private static let compressedLayout = "compression_type=zstd"

    /// What a report of progress calls it.
    static let copyOfDisk = "the copy of the disk"
    static let copyIntoDisk = "the copy of the image into the disk"

    package let sandbox: ToolSandbox

    package init(sandbox: ToolSandbox = .required) { self.sandbox = sandbox }

    /// A new disk of `size` bytes that reads what it has not written from `backing`, by its absolute path and with its format named.
    package func createOverlay(
        at path: String, size: Int64, backing: String, format: DiskFormat, flattensInUse: Bool = false
    ) async throws {
        try await make(path, from: [backing]) {
            try await quick(
                [
                    "create", "-q", "-f", "qcow2", "-o", Self.layout(flattensInUse), "-b", backing, "-F", format.rawValue, path,
                    String(size),
                ],
                ConfinedTool.Access(reads: [backing], writes: [path]), fileSize: Self.tables)
        }
    }

    /// The same on a storage network: both are URLs of QEMU's own clients.
    package func createOverlay(
        atURL url: String, size: Int64, backing: String, format: DiskFormat, flattensInUse: Bool = false
    ) async throws {
        try await quick(
            [
                "create", "-q", "-f", "qcow2", "-o", Self.layout(flattensInUse), "-b", backing, "-F", format.rawValue, url,
                String(size),
            ],
            ConfinedTool.Access(network: true), fileSize: 0)
    }

    private static func layout(_ flattensInUse: Bool) -> String { flattensInUse ? plainLayout : layout }

    /// A new file of its own, qcow2 or raw, with all of `source`, whose disk has `size` bytes. `rate` limits it, in bytes per second;
    /// `compressed` is for qcow2 alone.
    ///
    /// `progress` is told of the disk's bytes, about a hundred times. A cancelled task ends the tool within a second. What throws leaves no
    /// file: a tool that is just being killed writes into one that has no name any more. Does not wait for other copies: that is the
    /// caller's, with `CopySlots`.
    package func convert(
        _ source: ToolImage, to path: String, as format: DiskFormat = .qcow2, compressed: Bool = false, size: Int64,
        rate: Int64? = nil, progress: @escaping TransferProgress.Observer = { _ in }
    ) async throws {
        let paced = rate.map { ["-r", String($0)] } ?? []
        let layout = compressed ? ["-c", "-o", Self.compressedLayout] : format == .qcow2 ? ["-o", Self.layout] : []
        try await make(path, from: source.reads) {
            try await ConfinedTool(
                "qemu-img",
                ["convert", "-p"] + source.objects + paced + ["-O", format.rawValue] + layout + [source.name, path],
                access: .init(reads: source.reads, writes: [path], network: source.network),
                limits: .init(time: Self.longLimit, cpu: Self.longCPU, fileSize: Self.longest(size)), sandbox: sandbox
            ).run { Self.tell($0, size, progress) }
        }
    }

    /// Writes all of `source` into a LUN that has never been written, and flushes it. A cancelled task ends the tool.
    package func fill(
        _ target: ISCSIImage, from source: ToolImage, size: Int64, progress: @escaping TransferProgress.Observer
    ) async throws {
        try await ConfinedTool(
            "qemu-img",
            [
                "convert", "-p", "-n", "--target-is-zero", "-t", "none", "--object", target.secretObject, "--target-image-opts",
                source.name, target.options,
            ],
            access: .init(reads: source.reads + [target.secretFile], network: true),
            limits: .init(time: Self.longLimit, cpu: Self.longCPU, fileSize: 0), sandbox: sandbox
        ).run { Self.tell($0, size, progress) }
    }

    /// Copies into a qcow2 disk what it reads from the image below it, and takes that out of its header when all of it is there.
    ///
    /// Each piece is on the storage before the next one is written, the header last: whenever the tool dies, or the host, the disk reads the
    /// same over its image. It does so afterwards too: what the guest discarded stays marked as zeroes, so that a definition that still names
    /// the image does no harm. (A copy into a new file would lose these marks.)
    package func flatten(
        _ disk: ToolImage, writing path: String?, size: Int64, progress: @escaping TransferProgress.Observer
    ) async throws {
        let writes = path.map { [$0] } ?? []
        try await ConfinedTool(
            "qemu-img", ["rebase", "-p", "-t", "writethrough", "-b", "", disk.name],
            access: .init(reads: disk.reads.filter { !writes.contains($0) }, writes: writes, network: disk.network),
            limits: .init(time: Self.longLimit, cpu: Self.longCPU, fileSize: Self.longest(size)), sandbox: sandbox
        ).run { Self.tell($0, size, progress) }
    }

    /// Makes the qcow2 disk `size` bytes long. It reads the header, and that of the file below, by the formats that they were made with.
    package func grow(_ path: String, to size: Int64, backing: String? = nil) async throws {
        try await quick(
            ["resize", "-q", "-f", "qcow2", path, String(size)],
            ConfinedTool.Access(reads: backing.map { [$0] } ?? [], writes: [path]), fileSize: Self.longest(size))
    }

    /// The same by a URL of QEMU's own clients.
    package func grow(url: String, to size: Int64) async throws {
        try await quick(
            ["resize", "-q", "-f", "qcow2", url, String(size)], ConfinedTool.Access(network: true), fileSize: 0)
    }

    /// The bytes that a full copy will take at most. On a storage network every piece of the disk is asked for.
    package func sizeOfCopy(of source: ToolImage, as format: DiskFormat = .qcow2) async throws -> Int64 {
        struct Answer: Decodable { var required: Int64 }
        let layout = format == .qcow2 ? ["-o", Self.layout] : []
        let text = try await ConfinedTool(
            "qemu-img", ["measure", "--output", "json", "-O", format.rawValue] + layout + source.objects + [source.name],
            access: .init(reads: source.reads, network: source.network),
            limits: .init(time: Self.longLimit, cpu: Self.longCPU, fileSize: 0), sandbox: sandbox
        ).run()
        return try JSONDecoder().decode(Answer.self, from: Data(text.utf8)).required
    }

    /// Throws unless every table of the qcow2 file is consistent. Leaked clusters, which cost room and nothing else, are accepted.
    package func check(_ path: String) async throws {
        let image = try ToolImage.file(path, .qcow2)
        do {
            _ = try await ConfinedTool(
                "qemu-img", ["check", "-q", image.name], access: .init(reads: image.reads),
                limits: .init(time: Self.longLimit, cpu: Self.longCPU, fileSize: 0), sandbox: sandbox
            ).run()
        } catch let error as CommandError where error.exitCode == 3 {}
    }

    private func quick(_ arguments: [String], _ access: ConfinedTool.Access, fileSize: Int64) async throws {
        _ = try await ConfinedTool(
            "qemu-img", arguments, access: access,
            limits: .init(time: Self.quickLimit, cpu: Self.quickCPU, fileSize: fileSize), sandbox: sandbox
        ).run()
    }

    /// Of a qcow2 file with a disk of `size` bytes that is full.
    private static func longest(_ size: Int64) -> Int64 { size + size / 64 + tables }

    private static func tell(_ line: String, _ size: Int64, _ progress: TransferProgress.Observer) {
        guard let share = share(line) else { return }
        progress(TransferProgress(bytesDone: Int64(Double(size) * share), bytesTotal: size))
    }

    /// `(12.50/100%)` is 0.125.
    private static func share(_ line: String) -> Double? {
        line.wholeMatch(of: /\s*\((\d+\.\d+)\/100%\)\s*/).flatMap { Double($0.1) }.map { min(1, $0 / 100) }
    }

    /// Gives `body` an empty file that its tool may write as who may read the sources, nobody if it can be, and takes it back: root's, mode
    /// 0600. Throws away what did not work.
    private func make(_ path: String, from sources: [String], _ body: () async throws -> Void) async throws {
        let file = try OpenFile(path, .update)
        do {
            // A storage server may refuse it: then the tool runs as root, who is nobody there.
            if sandbox == .required { file.give(to: try ConfinedTool.reader(of: sources)) }
            try await body()
            file.give(to: 0)
        } catch {
            file.unlink()
            throw error
        }
    }
}
