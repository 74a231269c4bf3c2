import FoundationEssentials
import HostalModel
import HostalProvisioning
import HostalSystem

/// A copy of a disk in a new file of this host, qcow2, which is there whole or not at all.
///
/// What is left beside it is looked at before and meanwhile: guests' disks may lie there too, and they all stand still on a full disk.
struct DiskExport {
    /// Left free where a copy is written, in bytes.
    private static let headroom: Int64 = 1 << 30
    /// Between two looks at what is left.
    private static let lookPause = Duration.seconds(1)

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

    /// Replaces what is there, and removes what a killed worker left. `size` is the disk's, in bytes. Waits for one of `slots`. Throws a
    /// permanent `storageFull` for a copy that leaves too little, as soon as that is seen.
    func write(
        _ disk: ToolImage, size: Int64, with tool: QemuImg, slots: CopySlots, _ report: @escaping CopyReport
    ) async throws {
        let slot = try await slots.wait(cannot: "copy the disk")
        do {
            try directory.remove(name)
            for partial in try directory.names() where partial.hasPrefix("\(name).part-") { try directory.remove(partial) }
            try refuseToFillUp(with: try await tool.sizeOfCopy(of: disk))
            // Unique: the tool of a killed worker may live on for a moment.
            let partial = "\(name).part-\(UUID().uuidString.lowercased())"
            do {
                try await watchingRoom {
                    try await tool.convert(disk, to: directory.path(of: partial), size: size) {
                        report($0.words(for: QemuImg.copyOfDisk))
                    }
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
            throw Self.hasNoRoom(error) ? full("\(error)") : error
        }
    }

    /// Ends the work when somebody else takes the room. Looks once more when it is done.
    private func watchingRoom(_ work: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.lookPause)
                    try refuseToFillUp()
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
        try refuseToFillUp()
    }

    private func refuseToFillUp(with needed: Int64 = 0) throws {
        let available = try directory.availableBytes()
        guard available >= needed + Self.headroom else {
            throw full(
                "\(available.inBinaryUnits) free; \(needed.inBinaryUnits) needed and \(Self.headroom.inBinaryUnits) kept in reserve"
            )
        }
    }

    private static func hasNoRoom(_ error: any Error) -> Bool {
        (error as? FileError)?.isFull ?? (error as? CommandError)?.saysFull ?? false
    }

    private func full(_ detail: String) -> Failure {
        Failure(
            .permanent, .storageFull, "cannot copy the disk: its host has no room for the copy",
            detail: "\(directory.path): \(detail)")
    }
}
