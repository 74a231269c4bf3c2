import FoundationEssentials
package import HostalModel

/// Plans from `plans/*.yaml`: one file each, named after the plan. docs/plans.md lists every field with its unit and range.
package enum PlanFile {
    package static let vcpus = 1...256
    package static let memory = 64...4_194_304
    package static let disk = 1...65_536
    package static let traffic = 0...1_048_576
    package static let portSpeed = 1...400_000
    package static let fileLimit = 1_000

    package static func load(_ file: String) throws(ConfigurationError) -> Plan {
        let document = try Document(file: file)
        try document.refuseUnknown(Plan.CodingKeys.allCases.map(\.rawValue))
        let plan = Plan(
            name: try document.text("name"), description: try document.text("description", ""),
            vcpus: try document.integer("vcpus", in: vcpus),
            memory: Mebibytes(try document.integer("memory_mib", in: memory)),
            disk: Gibibytes(try document.integer("disk_gib", in: disk)),
            traffic: Gibibytes(try document.integer("traffic_gib", in: traffic)),
            portSpeed: MegabitsPerSecond(try document.integer("port_speed_mbit", in: portSpeed)),
            priceMonthly: try price("price_monthly", document), priceHourly: try price("price_hourly", document),
            storage: try document.text("storage", Plan.defaultStorage))
        let expected = URL(filePath: file).deletingPathExtension().lastPathComponent
        guard plan.name == expected else {
            throw document.error("name", "is '\(plan.name)', but the file is named after '\(expected)'")
        }
        guard plan.name.wholeMatch(of: /[a-z0-9][a-z0-9-]{0,62}/) != nil else {
            throw document.error("name", "must be 1 to 63 lower-case letters, digits and hyphens")
        }
        guard plan.description.count <= 200, !plan.description.contains(where: \.isNewline) else {
            throw document.error("description", "must be one line of at most 200 characters")
        }
        guard plan.storage.wholeMatch(of: /[a-z0-9][a-z0-9-]{0,62}/) != nil else {
            throw document.error("storage", "must be a storage class: 1 to 63 lower-case letters, digits and hyphens")
        }
        return plan
    }

    private static func price(_ name: String, _ document: Document) throws(ConfigurationError) -> String {
        let text = try document.text(name, "0")
        guard text.wholeMatch(of: /[0-9]{1,9}(\.[0-9]{1,10})?/) != nil else {
            throw document.error(name, "must be a decimal number in quotes, such as \"4.15\"")
        }
        return text
    }

    /// Every plan of a directory, sorted by name. One wrong file refuses all: half a price list is worse than an old one.
    package static func loadAll(in directory: String) throws(ConfigurationError) -> [Plan] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
            throw ConfigurationError(file: directory, reason: "cannot be read: \(error)")
        }
        let files = names.filter { $0.hasSuffix(".yaml") }.sorted()
        guard !files.isEmpty else { throw ConfigurationError(file: directory, reason: "holds no plan: no file ends in .yaml") }
        guard files.count <= fileLimit else {
            throw ConfigurationError(file: directory, reason: "holds \(files.count) plans; at most \(fileLimit) are read")
        }
        var plans: [Plan] = []
        for file in files { plans.append(try load("\(directory)/\(file)")) }
        return plans
    }
}
