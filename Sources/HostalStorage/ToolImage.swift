import FoundationEssentials
package import HostalModel
import HostalProvisioning

/// An image or a disk as `qemu-img` must be told of it: its format pinned, nothing behind it but what we say, and what its sandbox has to let
/// in. More kinds, such as images on a storage network, are more static functions here.
package struct ToolImage: Sendable, Hashable {
    /// A file name in QEMU's `json:` syntax.
    package var name: String
    package var reads: [String]
    package var network: Bool
    /// Arguments before it: what its name refers to, such as the file of a secret.
    package var objects: [String]

    package init(name: String, reads: [String], network: Bool = false, objects: [String] = []) {
        self.objects = objects
        self.name = name
        self.reads = reads
        self.network = network
    }

    private struct Node: Encodable {
        /// What lies below a node, whatever its header says.
        indirect enum Backing {
            /// The format has none.
            case impossible
            /// `"backing": null` makes QEMU ignore what the header says.
            case none
            case node(Node)
        }
        var driver: String
        /// Nil for what the header above names.
        var file: Bytes?
        var backing: Backing
        /// VHD files say their size twice; Hyper-V means this one.
        var sizeField: String?

        private enum Key: String, CodingKey {
            case driver, file, backing
            case sizeField = "force_size_calc"
        }
        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: Key.self)
            try fields.encode(driver, forKey: .driver)
            try fields.encodeIfPresent(file, forKey: .file)
            switch backing {
            case .impossible: break
            case .none: try fields.encodeNil(forKey: .backing)
            case .node(let node): try fields.encode(node, forKey: .backing)
            }
            try fields.encodeIfPresent(sizeField, forKey: .sizeField)
        }
    }

    /// Where a node's bytes are, in the words of QEMU's protocol drivers.
    private enum Bytes: Encodable {
        case file(String)
        case nfs(server: String, path: String, user: Int, group: Int)

        private struct Server: Encodable {
            var type = "inet"
            var host: String
        }
        private enum Key: String, CodingKey { case driver, filename, server, path, user, group }
        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: Key.self)
            switch self {
            case .file(let path):
                try fields.encode("file", forKey: .driver)
                try fields.encode(path, forKey: .filename)
            case .nfs(let server, let path, let user, let group):
                try fields.encode("nfs", forKey: .driver)
                try fields.encode(Server(host: server), forKey: .server)
                try fields.encode(path, forKey: .path)
                try fields.encode(user, forKey: .user)
                try fields.encode(group, forKey: .group)
            }
        }
    }

    /// A file that stands by itself, by its absolute path.
    package static func file(_ path: String, _ format: ImportFormat) throws -> ToolImage {
        let node = Node(
            driver: format.driver, file: .file(path), backing: format == .qcow2 || format == .vmdk ? .none : .impossible,
            sizeField: format == .vhd ? "current_size" : nil)
        return ToolImage(name: try text(of: node), reads: [path])
    }

    /// A disk in a file, or on an NFS server, over this and nothing else. Throws a `Failure` for other kinds of storage.
    ///
    /// On an NFS server its header must name the very same file below it, which callers have read there: QEMU takes the name from the header
    /// where the options have none that is called `filename`, and then refuses one in other words.
    package static func disk(
        _ source: VolumeSource, _ format: DiskFormat, over backing: VolumeBacking? = nil
    ) throws -> ToolImage {
        let sources = [source] + (backing.map { [$0.source] } ?? [])
        return ToolImage(
            name: try text(of: node(source, format, over: backing)), reads: sources.compactMap(\.file),
            network: sources.contains { $0.file == nil })
    }

    private static func node(_ source: VolumeSource, _ format: DiskFormat, over backing: VolumeBacking?) throws -> Node {
        let bytes: Bytes?
        switch source {
        case .file(let path): bytes = .file(path)
        case .nfs(let server, let path, let user, let group): bytes = .nfs(server: server, path: path, user: user, group: group)
        case .iscsi, .rbd:
            throw Failure(
                .needsOperator, .serviceError, "cannot use the disk: it is not one of this pool", detail: "\(source) is no file")
        }
        guard format == .qcow2 else { return Node(driver: format.rawValue, file: bytes, backing: .impossible) }
        guard let backing else { return Node(driver: format.rawValue, file: bytes, backing: .none) }
        var below = try node(backing.source, backing.format, over: nil)
        if backing.source.file == nil { below.file = nil }
        return Node(driver: format.rawValue, file: bytes, backing: .node(below))
    }

    private static func text(of node: Node) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return "json:" + String(decoding: try encoder.encode(node), as: UTF8.self)
    }
}
