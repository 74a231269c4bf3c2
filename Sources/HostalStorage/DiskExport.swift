import HostalProvisioning
import HostalSystem

extension QemuImg {
    /// How long an export waits for other copies of this host, until it counts as failed and is tried later.
    private static let exportPatience = Duration.seconds(600)

    /// Everything of `source` in a new qcow2 file, mode 0600, that survives a power cut once this returns. What lay there is forgotten first: the
    /// tool of a dead worker then writes into a file that has no name any more. What throws leaves no file.
    func export(
        _ source: ToolImage, to path: String, size: Int64, slots: CopySlots, _ report: @escaping CopyReport
    ) async throws {
        guard let slot = try await slots.take(within: Self.exportPatience) else {
            throw Failure(.temporary, .serviceError, "cannot copy the disk: the host is busy with other copies")
        }
        try OpenFile(path, .update).unlink()
        try await convert(source, to: path, size: size) { report($0.words(for: Self.copyOfDisk)) }
        let file = try OpenFile(path, .update)
        do { try file.sync() } catch {
            file.unlink()
            throw error
        }
        slot.release()
    }
}
