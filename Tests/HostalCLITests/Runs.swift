import FoundationEssentials
import HostalTestKit

/// Runs of the built `hostal`, with an environment of nothing but what a test says.
enum Runs {
    static let program: String = {
        // The test bundle lies beside the programs.
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        if path.hasSuffix(".xctest") { return URL(filePath: path).deletingLastPathComponent().path() + "/hostal" }
        return URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/debug/hostal").standardized
            .path()
    }()

    static func environment(_ standIn: StandIn?) -> [String: String] {
        var variables = ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TERM": "xterm"]
        if let standIn {
            variables["HOSTAL_ENDPOINT"] = standIn.address
            variables["HOSTAL_TOKEN"] = StandIn.token
        }
        return variables
    }

    /// With pipes and files: nobody is there to ask.
    static func hostal(
        _ words: String..., at standIn: StandIn? = nil, environment: [String: String] = [:], input: String = ""
    ) async throws -> CommandRun {
        try await CommandRun.run(
            program, words, environment: self.environment(standIn).merging(environment) { $1 }, input: input)
    }

    static func onTerminal(
        _ words: String..., at standIn: StandIn? = nil, environment: [String: String] = [:],
        typing: [(after: String, text: String)] = [], keepsOutputApart: Bool = false
    ) async throws -> CommandRun {
        try await CommandRun.onTerminal(
            program, words, environment: self.environment(standIn).merging(environment) { $1 }, typing: typing,
            keepsOutputApart: keepsOutputApart)
    }
}
