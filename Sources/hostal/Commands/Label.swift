import ArgumentParser
import HostalClient

/// A label on a command line: `env=prod`, or `env` for one without a value.
struct Label: ExpressibleByArgument, Hashable {
    var key: String
    var value: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let key = parts.first, !key.isEmpty else { return nil }
        self.key = String(key)
        value = parts.count == 2 ? String(parts[1]) : ""
    }
}

extension [Label] {
    /// As the API takes them; of two with one key the later.
    var json: JSON {
        var labels: JSON = [:]
        for label in self { labels[label.key] = .string(label.value) }
        return labels
    }
}
