import ArgumentParser
import Glibc
import HostalClient

/// What a shell offers while somebody types: names that exist now. Whatever goes wrong, it offers nothing and says nothing.
enum LiveNames {
    /// A shell waits for it at each press of the key.
    private static let patience = Duration.seconds(3)

    static func of(_ resource: Resource, _ query: [APIRequest.Parameter] = []) -> [String] {
        guard let connection = try? ConnectionOptions.parse([]), let client = try? connection.open() else { return [] }
        var limits = ClientLimits()
        limits.connect = patience
        limits.whole = patience
        var rule = RetryRule()
        rule.attempts = 1
        let asked = try? client.impatient(limits, rule).list(resource, query: query)
        // What has no name is told by its number.
        return (asked ?? []).compactMap { $0["name"].string ?? $0["id"].text }.filter { $0.printable == $0 }
    }

    static func contexts() -> [String] {
        guard let connection = try? ConnectionOptions.parse([]), let config = try? connection.file.read() else { return [] }
        return config.contexts.map(\.name)
    }
}
