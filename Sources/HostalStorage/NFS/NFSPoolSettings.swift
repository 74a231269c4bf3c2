package import HostalModel

/// An NFS export: mounted by the host's system, or spoken to directly.
package struct NFSPoolSettings: PoolSettings {
    package enum Mode: String, Sendable, Codable {
        /// The system mounts it at `directory`; everything is a file.
        case mounted
        /// QEMU opens `nfs://server/export/…` itself.
        case direct
    }
    package var mode: Mode
    /// Mounted: the mount point itself, absolute.
    package var directory: String?
    /// Mounted; overlays when nil.
    package var cloning: LocalVolumes.Cloning?
    /// Mounted, of full copies; qcow2 when nil.
    package var format: DiskFormat?
    /// Direct: a host name or an IPv4 address.
    package var server: String?
    /// Direct: absolute.
    package var export: String?
    /// Direct: who calls say they are from; 0 when nil.
    package var user: Int?
    package var group: Int?
    /// How long the storage may take for an answer, in seconds, 1 to 60; 10 when nil.
    package var answerSeconds: Int?

    package static let fields: Set<String> = [
        "mode", "directory", "cloning", "format", "server", "export", "user", "group", "answer_seconds",
    ]

    private enum CodingKeys: String, CodingKey {
        case mode, directory, cloning, format, server, export, user, group
        case answerSeconds = "answer_seconds"
    }

    package var patience: Duration { answerSeconds.map { .seconds($0) } ?? NFSExport.defaultPatience }

    package func validate() throws {
        if let answerSeconds, !(1...60).contains(answerSeconds) { throw PoolSettingsError("'answer_seconds' must be 1 to 60") }
        switch mode {
        case .mounted:
            for (name, isSet) in [
                ("server", server != nil), ("export", export != nil), ("user", user != nil), ("group", group != nil),
            ]
            where isSet { throw PoolSettingsError("'\(name)' is for mode 'direct'; a mounted pool has what its mount was given") }
            guard let directory, Self.isPlain(directory) else {
                throw PoolSettingsError("'directory' must be the absolute path of the mount point")
            }
            try LocalVolumes.Cloning.validate(cloning, format)
        case .direct:
            if directory != nil { throw PoolSettingsError("'directory' is for mode 'mounted'") }
            if !(cloning ?? .overlay).beginsAsOverlay || format != nil {
                throw PoolSettingsError(
                    "'format' is for mode 'mounted'; direct pools have qcow2, and 'cloning' is overlay or flattened")
            }
            guard let server, !server.isEmpty, server.utf8.count <= 253,
                server.allSatisfy({ $0.isPlainText || $0 == "." || $0 == "-" })
            else { throw PoolSettingsError("'server' must be a host name or an IPv4 address") }
            guard let export, Self.isPlain(export) else {
                throw PoolSettingsError(
                    "'export' must be an absolute path of letters, digits, dots, hyphens and underscores, without a slash at its end"
                )
            }
            for (name, number) in [("user", user), ("group", group)] where !(0...0x7fff_fffe).contains(number ?? 0) {
                throw PoolSettingsError("'\(name)' must be a number, 0 or more")
            }
        }
    }

    /// What needs no quoting in an address, and is no way out of a directory.
    private static func isPlain(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count > 1 && parts[0].isEmpty && path.utf8.count <= 255
            && parts.dropFirst().allSatisfy { part in
                !part.isEmpty && part != "." && part != ".." && part.allSatisfy { $0.isPlainText || ".-_".contains($0) }
            }
    }
}

extension Character {
    fileprivate var isPlainText: Bool { isASCII && (isLetter || isNumber) }
}
