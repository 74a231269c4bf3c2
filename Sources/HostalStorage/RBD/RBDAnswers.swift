import FoundationEssentials

/// The part of `rbd info` that counts.
struct RBDInfo: Decodable {
    struct Parent: Decodable {
        var image: String
    }
    /// In bytes.
    var size: Int64
    var created: String
    /// What a clone reads that it has not written.
    var parent: Parent?

    enum CodingKeys: String, CodingKey {
        case size, parent
        case created = "create_timestamp"
    }
}

extension CephTools {
    private struct Named: Decodable {
        var name: String
    }
    private struct Child: Decodable {
        var image: String
    }

    /// `spec` names an image, or a snapshot of one. Throws `RBDRefusal.absent`.
    func info(_ spec: String, cannot action: String) async throws -> RBDInfo {
        try await rbd(["info", spec], as: RBDInfo.self, cannot: action)
    }

    func size(of spec: String, cannot action: String) async throws -> Int64 { try await info(spec, cannot: action).size }

    func snapshots(of spec: String, cannot action: String) async throws -> [String] {
        try await rbd(["snap", "ls", spec], as: [Named].self, cannot: action).map(\.name)
    }

    /// Also those in Ceph's trash, and in other pools of the cluster.
    func children(of snapshot: String, cannot action: String) async throws -> [String] {
        try await rbd(["children", "--all", snapshot], as: [Child].self, cannot: action).map(\.image).sorted()
    }
}
