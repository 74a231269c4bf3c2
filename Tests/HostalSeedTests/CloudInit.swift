import FoundationEssentials
import Glibc
import HostalSystem

/// Debian's own cloud-init, unpacked into a directory and never installed: its modules judge what we write.
///
/// `HOSTAL_CLOUD_INIT` may name a tree that holds another version.
struct CloudInit: Sendable {
    let tree: String

    /// Unpacked once for the whole run, and removed when it ends.
    private static let unpacking = Task { () async throws -> CloudInit in
        if let tree = getenv("HOSTAL_CLOUD_INIT") { return CloudInit(tree: String(cString: tree)) }
        let directory = "/tmp/hostal-cloud-init-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: "/tmp/hostal-cloud-init-\(getpid())") }
        _ = try await Command(
            "env",
            ["--chdir=\(directory)", "apt-get", "-o", "APT::Sandbox::User=root", "download", "cloud-init"], timeout: .seconds(120)
        ).run()
        for file in try FileManager.default.contentsOfDirectory(atPath: directory) where file.hasSuffix(".deb") {
            _ = try await Command("dpkg-deb", ["-x", "\(directory)/\(file)", directory]).run()
        }
        return CloudInit(tree: directory)
    }

    static func unpacked() async throws -> CloudInit { try await unpacking.value }

    /// Runs Debian's Python with these modules in its path; throws `CommandError` unless it exits with 0.
    func python(_ arguments: [String], environment: [String] = []) async throws -> String {
        try await Command(
            "env",
            ["PYTHONPATH=\(tree)/usr/lib/python3/dist-packages", "PYTHONDONTWRITEBYTECODE=1"] + environment + ["/usr/bin/python3"]
                + arguments, timeout: .seconds(120)
        ).run()
    }

    func knowsNetworkSchema() async throws -> Bool { try await main(["schema", "--help"]).contains("--schema-type") }

    func main(_ arguments: [String]) async throws -> String { try await python(["-m", "cloudinit.cmd.main"] + arguments) }
}

/// What PyYAML, the parser of every cloud-init, reads in a document, as JSON with sorted keys.
func parsedByPyYAML(_ document: String) async throws -> String {
    try await Command(
        "env",
        [
            "/usr/bin/python3", "-c",
            "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer.read()), sort_keys=True))",
        ],
        input: document
    ).run()
}

/// A JSON document as a value, for comparing and picking.
func decoded<Value: Decodable>(
    _ type: Value.Type = Value.self, from json: String, keys: JSONDecoder.KeyDecodingStrategy = .useDefaultKeys
)
    throws -> Value
{
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = keys
    return try decoder.decode(type, from: Data(json.utf8))
}
