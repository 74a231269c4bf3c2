package import HostalModel

/// A directory that a server exports, as QEMU's own client and ours reach it: NFS version 3 over TCP.
package struct NFSExport: Hashable, Sendable {
    /// A host name or an IPv4 address.
    package var server: String
    /// Absolute, without a slash at its end.
    package var path: String
    /// Who calls say they are from: numbers, the same on every host.
    package var user: Int
    package var group: Int
    /// How long the server may take for each answer.
    package var patience: Duration

    package static let defaultPatience = Duration.seconds(10)

    package init(server: String, path: String, user: Int, group: Int, patience: Duration = NFSExport.defaultPatience) {
        self.server = server
        self.path = path
        self.user = user
        self.group = group
        self.patience = patience
    }

    /// Of a file below the export.
    package func source(of file: String) -> VolumeSource {
        .nfs(server: server, path: "\(path)/\(file)", user: user, group: group)
    }

    /// What QEMU's tools, and headers of overlays, name a file by; nil for what is no file of an NFS server.
    package static func url(of source: VolumeSource) -> String? {
        guard case .nfs(let server, let path, let user, let group) = source else { return nil }
        return "nfs://\(server)\(path)?uid=\(user)&gid=\(group)"
    }

    /// For people.
    package var description: String { "nfs://\(server)\(path)" }
}

/// An answer of an NFS server, or none.
package struct NFSError: Error, Sendable, CustomStringConvertible {
    package var call: String
    /// Below the export.
    package var path: String
    /// An `errno`; `ETIMEDOUT` when the server did not answer.
    package var code: Int32
    package var text: String

    package var description: String { "\(call) \(path): \(text)" }
}
