import FoundationEssentials

extension ToolImage {
    private struct Node: Encodable {
        struct File: Encodable {
            var driver = "rbd"
            var pool: String
            var image: String
            var snapshot: String?
            var user: String
            var conf: String
        }
        var driver = "raw"
        var file: File
    }

    /// An image of a Ceph pool. `connection` is the file that tells QEMU's library of monitors, key and limits.
    static func rbd(
        _ image: String, snapshot: String?, _ settings: RBDPoolSettings, connection: String
    ) throws -> ToolImage {
        let file = Node.File(
            pool: settings.pool, image: image, snapshot: snapshot, user: settings.user, conf: connection)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ToolImage(
            name: "json:" + String(decoding: try encoder.encode(Node(file: file)), as: UTF8.self),
            reads: [settings.keyringPath, connection], network: true)
    }
}
