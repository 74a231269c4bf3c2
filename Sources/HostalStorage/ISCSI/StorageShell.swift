import HostalSystem

/// Runs shell scripts on a storage server: over SSH, or here where the server is this host. Scripts and all that is in them go in by standard
/// input, so that no secret is ever an argument.
struct StorageShell: Sendable {
    /// `USER@HOST`; nil for this host.
    var destination: String?
    var key: String?

    /// For a whole script, the connection included.
    static let limit = Duration.seconds(30)
    /// Seconds until SSH gives a connection up.
    private static let connectTimeout = 10
    private static let silence = 5

    /// What the script printed. Throws `CommandError`.
    func run(_ script: String) async throws -> String {
        guard let destination else { return try await Command("sh", ["-s"], timeout: Self.limit, input: script).run() }
        let identity = key.map { ["-i", $0, "-o", "IdentitiesOnly=yes"] } ?? []
        return try await Command(
            "ssh",
            [
                "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=\(Self.connectTimeout)",
                "-o", "ServerAliveInterval=\(Self.silence)", "-o", "ServerAliveCountMax=2",
            ] + identity + ["--", destination, "sh -s"],
            timeout: Self.limit, input: script
        ).run()
    }

    /// A word that the shell takes as it is.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
