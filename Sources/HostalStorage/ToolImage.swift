import FoundationEssentials

/// An image as `qemu-img` must be told of it: its format pinned, no file behind it, and what its sandbox has to let in. More kinds, such as
/// images on a storage network, are more static functions here.
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
        struct File: Encodable {
            var driver = "file"
            var filename: String
        }
        var driver: String
        var file: File
        /// Only for formats that have one: `"backing": null` makes QEMU ignore what the header says.
        var hasBacking: Bool
        /// VHD files say their size twice; Hyper-V means this one.
        var sizeField: String?

        private enum Key: String, CodingKey {
            case driver, file, backing
            case sizeField = "force_size_calc"
        }
        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: Key.self)
            try fields.encode(driver, forKey: .driver)
            try fields.encode(file, forKey: .file)
            if hasBacking { try fields.encodeNil(forKey: .backing) }
            try fields.encodeIfPresent(sizeField, forKey: .sizeField)
        }
    }

    /// A file that stands by itself, by its absolute path.
    package static func file(_ path: String, _ format: ImportFormat) throws -> ToolImage {
        try image(
            Node(
                driver: format.driver, file: .init(filename: path), hasBacking: format == .qcow2 || format == .vmdk,
                sizeField: format == .vhd ? "current_size" : nil),
            path)
    }

    private static func image(_ node: Node, _ path: String) throws -> ToolImage {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ToolImage(name: "json:" + String(decoding: try encoder.encode(node), as: UTF8.self), reads: [path])
    }
}
