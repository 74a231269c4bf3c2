import HostalConfiguration
import HostalModel
import Testing

@Suite struct HostSettingsTests {
    private func sandbox(_ line: String) throws -> ToolSandbox {
        try HostSettings(Document(text: "host: kvm1\n\(line)\n", file: "hostald.yaml")).toolSandbox
    }

    @Test func toolsAreConfinedUnlessSomebodySaysOtherwise() throws {
        #expect(try sandbox("") == .required)
        #expect(try sandbox("tool_sandbox: required") == .required)
        #expect(try sandbox("tool_sandbox: none") == .none)
        #expect(throws: ConfigurationError.self) { try sandbox("tool_sandbox: false") }
    }
}
