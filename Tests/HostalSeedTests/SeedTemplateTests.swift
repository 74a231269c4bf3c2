import FoundationEssentials
import HostalProvisioning
import Testing

@testable import HostalSeed

@Suite struct SeedTemplateTests {
    /// The error of loading the shipped templates with one file replaced.
    private func error(with file: String, _ text: String) async throws -> SeedTemplateError? {
        try await withDirectory { directory in
            for name in ["vendor-data.yaml", "network-config.yaml", "report.sh"] {
                try write(name == file ? text : read("\(shippedTemplates)/\(name)"), to: "\(directory)/\(name)")
            }
            do {
                _ = try SeedTemplates.load(from: directory)
                return nil
            } catch let error as SeedTemplateError {
                return error
            }
        }
    }

    @Test func theShippedTemplatesLoad() throws {
        _ = try SeedTemplates.load(from: shippedTemplates)
    }

    @Test func anErrorNamesFileLineAndField() async throws {
        let error = try #require(
            try await error(with: "network-config.yaml", "ethernets:\n  eth0:\n    mtu: 1400\n    dhcp4: true\n"))
        #expect(
            error.description
                == "cannot use template network-config.yaml:4: field 'ethernets.eth0.dhcp4' is set by Hostal for each server; leave it out"
        )
    }

    @Test(arguments: [
        ("vendor-data.yaml", "a: [1\nb: 2\n", 2), ("vendor-data.yaml", "a: 1\n\ta: 2\n", 2),
        ("vendor-data.yaml", "a: 1\na: 2\n", 1),
        ("vendor-data.yaml", "a: 1\nb: !!python/object:os.system x\n", 2), ("vendor-data.yaml", "a: 1\n<<: {b: 1}\n", 2),
        ("vendor-data.yaml", "a:\n  on: 1\n", 2), ("vendor-data.yaml", "a:\n  - !secret x\n", 2),
        ("vendor-data.yaml", "locale: C\nssh_authorized_keys: [x]\n", 2), ("vendor-data.yaml", "password: x\n", 1),
        ("network-config.yaml", "version: 2\n", 1), ("network-config.yaml", "ethernets:\n  eth0:\n    routes: []\n", 3),
    ])
    func whatCannotBeReadInOneWayIsRefusedWithItsLine(file: String, text: String, line: Int) async throws {
        let error = try #require(try await error(with: file, text))
        #expect(error.file == file)
        #expect(error.line == line, "\(error)")
    }

    @Test(arguments: ["", "# only a comment\n", "- a list\n", "text"])
    func aTemplateThatIsNoMappingIsRefused(text: String) async throws {
        #expect(try await error(with: "vendor-data.yaml", text)?.problem == "it holds no mapping of fields to values")
    }

    @Test func aMissingFileIsNamed() async throws {
        let error = try await withDirectory { directory in
            try #require(throws: SeedTemplateError.self) { try SeedTemplates.load(from: directory) }
        }
        #expect(error.file == "vendor-data.yaml")
        #expect(error.line == nil)
    }

    @Test func aTemplateAboveTheLimitIsRefused() async throws {
        let start = "a: "
        let largest = start + String(repeating: "x", count: SeedTemplate.sizeLimit - start.utf8.count)
        #expect(try await error(with: "vendor-data.yaml", largest) == nil)
        #expect(try await error(with: "vendor-data.yaml", largest + "x")?.problem.hasPrefix("it is 65537 bytes") == true)
    }

    @Test func valuesKeepTheirTypesAndQuotedOnesStayStrings() async throws {
        let template = try await withDirectory { directory in
            try write("a: 'yes'\nb: yes\nc: \"1\"\nd: 1\ne: [null, 1.5, x]\nf: |\n  {{ x }}\n", to: "\(directory)/t.yaml")
            return try SeedTemplate(file: "t.yaml", in: directory, refusing: [:])
        }
        #expect(
            try await parsedByPyYAML(template.tree.yaml())
                == "{\"a\": \"yes\", \"b\": true, \"c\": \"1\", \"d\": 1, \"e\": [null, 1.5, \"x\"], \"f\": \"{{ x }}\\n\"}\n")
    }

    @Test func whatTheHosterSetsForTheCardStaysBesidesOurs() async throws {
        let template: CloudConfig = ["ethernets": ["eth0": ["mtu": 1450, "nameservers": ["search": ["example.net"]]]]]
        let document = try NetworkConfig.document(for: contents(), over: template)
        #expect(document.contains("    mtu: 1450\n"))
        #expect(document.contains("- \"example.net\"\n"))
        #expect(document.contains("- \"192.0.2.53\"\n"))
    }
}
