import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalSystem

/// A copy of a disk in a new file of this host, qcow2, which is there whole or not at all.
struct DiskExport {
    private let directory: Directory
    private let name: String

    /// Throws for a path that is not absolute.
    init(to path: String) throws {
        guard let slash = path.lastIndex(of: "/"), let directory = Directory(String(path[..<slash])) else {
            throw Failure(
                .permanent, .serviceError, "cannot copy the disk: internal error", detail: "'\(path)' is no place for it")
        }
        self.directory = directory
        name = String(path[path.index(after: slash)...])
    }

    /// Replaces what is there, and removes what a killed worker left. `size` is the disk's, in bytes. Waits for one of `slots`.
    func write(
        _ disk: ToolImage, size: Int64, with tool: QemuImg, slots: CopySlots, _ report: @escaping CopyReport
    ) async throws {
        let slot = try await slots.wait(cannot: "copy the disk")
        do {
            try directory.remove(name)
            for partial in try directory.names() where partial.hasPrefix("\(name).part-") { try directory.remove(partial) }
            // Unique: the tool of a killed worker may live on for a moment.
            let partial = "\(name).part-\(UUID().uuidString.lowercased())"
            do {
                try await tool.convert(disk, to: directory.path(of: partial), size: size) {
                    report($0.words(for: QemuImg.copyOfDisk))
                }
                try OpenFile(directory.path(of: partial), .update).sync()
                try directory.rename(partial, to: name)
            } catch {
                try directory.remove(partial)
                throw error
            }
            try directory.sync()
            slot.release()
        } catch {
            throw Self.hasNoRoom(error) ? full(error) : error
        }
    }

    private static func hasNoRoom(_ error: any Error) -> Bool {
        (error as? FileError)?.isFull ?? (error as? CommandError)?.saysFull ?? false
    }

    private func full(_ error: any Error) -> Failure {
        Failure(
            .permanent, .storageFull, "cannot copy the disk: its host has no room for the copy",
            detail: "\(directory.path): \(error)")
    }
}
