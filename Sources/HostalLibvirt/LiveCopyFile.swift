import FoundationEssentials
import HostalProvisioning
import HostalSystem

/// The file of a running guest's copy: it has its name when it is whole. Until then it is called `NAME.part-UUID`, and QEMU's.
struct LiveCopyFile: Sendable {
    private let directory: Directory
    private let name: String
    private let action: String
    private let partialName: String

    /// Throws for a path that is not absolute. `action` is what a failure begins with.
    init(_ path: String, _ action: String) throws {
        guard let slash = path.lastIndex(of: "/"), let directory = Directory(String(path[..<slash])) else {
            throw Failure(.permanent, .serviceError, "\(action): internal error", detail: "'\(path)' is no place for it")
        }
        self.directory = directory
        self.action = action
        name = String(path[path.index(after: slash)...])
        partialName = "\(name).part-\(UUID().uuidString.lowercased())"
    }

    var partial: String { directory.path(of: partialName) }

    /// With what dead workers left.
    func removeAll() throws {
        try mapping {
            try directory.remove(name)
            for partial in try directory.names() where partial.hasPrefix("\(name).part-") { try directory.remove(partial) }
        }
    }

    /// A power cut leaves it whole afterwards. QEMU must have let go of it.
    func finish() throws {
        try mapping {
            try OpenFile(partial, .update).sync()
            try directory.rename(partialName, to: name)
            try directory.sync()
        }
    }

    func refuseToFillUp() throws {
        try mapping {
            let available = try directory.availableBytes()
            guard available >= LibvirtHypervisor.roomKept else {
                throw full("\(directory.path): \(available >> 20) MiB free, \(LibvirtHypervisor.roomKept >> 20) MiB are kept")
            }
        }
    }

    func full(_ detail: String) -> Failure {
        Failure(.permanent, .storageFull, "\(action): there is no room for the copy", detail: detail)
    }

    private func mapping<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let error as FileError {
            throw error.isFull
                ? full("\(error)")
                : Failure(.temporary, .serviceError, "\(action): the host's disk refused", cause: error)
        }
    }
}
