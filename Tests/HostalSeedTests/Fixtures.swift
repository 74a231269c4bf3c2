import FoundationEssentials
import HostalModel
import HostalProvisioning
import Testing

@testable import HostalSeed

/// The templates that the product ships.
let shippedTemplates: String = {
    var repository = URL(filePath: #filePath)
    for _ in 1...3 { repository.deleteLastPathComponent() }
    return repository.appending(path: "cloud-init").path
}()

/// A directory that lives as long as the closure.
func withDirectory<Result>(_ body: (String) async throws -> Result) async throws -> Result {
    let path = "/tmp/hostal-seed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let result: Result
    do {
        result = try await body(path)
    } catch {
        try FileManager.default.removeItem(atPath: path)
        throw error
    }
    try FileManager.default.removeItem(atPath: path)
    return result
}

func write(_ text: String, to path: String) throws {
    let file = URL(filePath: path)
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
}

func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

func mac(_ text: String = "02:00:00:0a:0b:0c") throws -> MACAddress { try #require(MACAddress(text)) }

let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDXq6fKZ3Yl5v0m1n4m8ZJtq4mE7e9b9uJq0z7u3m1Qp ada@example"

let bothFamilies = AddressAssignment(
    bridge: "br0",
    addresses: [
        AssignedAddress(family: .v4, ip: "203.0.113.7", prefixLength: 24, gateway: "203.0.113.1"),
        AssignedAddress(family: .v6, ip: "2001:db8::7", prefixLength: 64, gateway: "fe80::1"),
    ],
    nameServers: ["192.0.2.53", "2001:db8::53"])

func contents(
    hostname: String = "web1", sshKeys: [String] = [key], userData: String? = nil, network: AddressAssignment = bothFamilies
) throws -> SeedContents {
    SeedContents(
        instanceID: "hostal-17-1", hostname: hostname, sshKeys: sshKeys, userData: userData, mac: try mac(), network: network)
}

/// What has broken other people's YAML, shell, XML or templates.
let hostileTexts = [
    "plain", "", " ", "yes", "no", "on", "null", "~", "1e3", "0644", "12:30:45", "2024-01-01", ".inf", "<<", "=", "- a", "? a",
    "a: b",
    "a #b", "#cloud-config", "{{ v1.local_hostname }}", "{% raw %}", "## template: jinja", "]]>", "<!--", "&a", "*a",
    "!!python/object:os",
    "!tag", "|", ">-", "%YAML 1.1", "---", "...", "'", "''", "\"", "\\", "\\n", "a\nb: c", "a\r\nb", "\ttab", "trailing ",
    " leading", "\u{0}",
    "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "é", "日本", "😀", "$(reboot)", "`id`", "${HOME}", "; rm -rf /",
    "--==hostal==--", String(repeating: "long words ", count: 200),
]
