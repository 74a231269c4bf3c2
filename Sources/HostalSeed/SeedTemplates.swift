import FoundationEssentials
import HostalProvisioning

/// The parts of a seed that are the same for every guest, checked once at start. A value: later edits of the files do not reach it.
package struct SeedTemplates: Sendable {
    var vendorConfig: String
    var report: String
    var network: CloudConfig

    /// Reads `vendor-data.yaml`, `network-config.yaml` and `report.sh` from a directory that operators may edit. Throws
    /// `SeedTemplateError`, which names the file, line and field.
    package static func load(from directory: String) throws -> SeedTemplates {
        let vendor = try SeedTemplate(file: "vendor-data.yaml", in: directory, refusing: VendorData.refusals)
        let network = try SeedTemplate(file: "network-config.yaml", in: directory, refusing: NetworkConfig.refusals)
        return SeedTemplates(
            vendorConfig: try vendor.tree.yaml(), report: try script("report.sh", in: directory),
            network: network.tree)
    }

    private static func script(_ file: String, in directory: String) throws -> String {
        let text: String
        do {
            text = try String(contentsOf: URL(filePath: directory).appending(path: file), encoding: .utf8)
        } catch {
            throw SeedTemplateError(file: file, problem: "it cannot be read from \(directory): \(error)")
        }
        guard text.hasPrefix("#!") else { throw SeedTemplateError(file: file, line: 1, problem: "it does not begin with #!") }
        return text
    }

    /// The four files of a guest's seed. Throws a permanent `Failure` for SSH keys and user data that no seed can carry.
    func files(for contents: SeedContents) throws -> [SeedFile] {
        try [
            SeedFile(name: "meta-data", contents: MetaData.document(for: contents)),
            SeedFile(name: "user-data", contents: UserData.document(for: contents)),
            SeedFile(
                name: "vendor-data",
                contents: VendorData.document(config: vendorConfig, report: report, passwordHash: contents.passwordHash)),
            SeedFile(name: "network-config", contents: NetworkConfig.document(for: contents, over: network)),
        ]
    }
}
