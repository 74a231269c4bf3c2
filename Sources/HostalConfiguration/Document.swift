import FoundationEssentials
import Yams

/// A YAML file that is wrong: `plans/small.yaml:4: memory_mib: 64 MiB is too little; 128 to 1048576 are accepted`.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    package var file: String
    /// Counted from 1; nil when the whole file is meant.
    package var line: Int?
    package var field: String?
    package var reason: String

    package var description: String {
        [file + (line.map { ":\($0)" } ?? ""), field, reason].compactMap(\.self).joined(separator: ": ")
    }
}

/// A YAML mapping with known fields. Every error names the file, the line and the field; a field that nobody knows is one, as is one that
/// is given twice.
package struct Document: Sendable {
    package let file: String
    private let line: Int?
    /// `engine.` for the fields of a nested mapping.
    private let path: String
    private let fields: [String: Entry]

    private struct Entry: Sendable {
        var line: Int?
        var scalar: String?
        var isQuoted: Bool
        var list: [Entry]?
        var mapping: Document?
    }

    /// The largest file that is read, in bytes.
    package static let sizeLimit = 256 * 1024

    package init(file: String) throws(ConfigurationError) {
        let data: Data
        do { data = try Data(contentsOf: URL(filePath: file)) } catch {
            throw ConfigurationError(file: file, reason: "cannot be read: \(error)")
        }
        guard data.count <= Self.sizeLimit else {
            throw ConfigurationError(file: file, reason: "has \(data.count) bytes; at most \(Self.sizeLimit) are read")
        }
        try self.init(text: String(decoding: data, as: UTF8.self), file: file)
    }

    package init(text: String, file: String) throws(ConfigurationError) {
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch let error as YamlError {
            throw ConfigurationError(file: file, line: error.line, reason: "is not YAML: \(error.problem)")
        } catch {
            throw ConfigurationError(file: file, reason: "is not YAML: \(error)")
        }
        guard case .mapping(let mapping)? = node else {
            throw ConfigurationError(file: file, line: 1, reason: "must hold fields, such as `name: small`")
        }
        try self.init(mapping, file: file, path: "")
    }

    private init(_ mapping: Node.Mapping, file: String, path: String) throws(ConfigurationError) {
        var fields: [String: Entry] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? ""
            guard fields[name] == nil else {
                throw ConfigurationError(file: file, line: key.mark?.line, field: path + name, reason: "is given twice")
            }
            fields[name] = try Self.entry(value, line: key.mark?.line, file: file, path: path + name)
        }
        self.file = file
        self.path = path
        self.fields = fields
        line = mapping.mark?.line
    }

    private static func entry(_ node: Node, line: Int?, file: String, path: String) throws(ConfigurationError) -> Entry {
        switch node {
        case .scalar(let scalar):
            return Entry(line: line, scalar: scalar.string, isQuoted: scalar.style != .plain && scalar.style != .any)
        case .mapping(let mapping):
            return Entry(line: line, isQuoted: false, mapping: try Document(mapping, file: file, path: path + "."))
        case .sequence(let sequence):
            var list: [Entry] = []
            for (index, item) in sequence.enumerated() {
                list.append(try entry(item, line: item.mark?.line, file: file, path: "\(path)[\(index)]"))
            }
            return Entry(line: line, isQuoted: false, list: list)
        case .alias:
            throw ConfigurationError(file: file, line: line, field: path, reason: "aliases are not accepted")
        }
    }

    /// Refuses a field that is none of these.
    package func refuseUnknown(_ known: [String]) throws(ConfigurationError) {
        for (name, entry) in fields.sorted(by: { $0.value.line ?? 0 < $1.value.line ?? 0 }) where !known.contains(name) {
            throw ConfigurationError(
                file: file, line: entry.line, field: path + name,
                reason: "is no field; fields are \(known.joined(separator: ", "))")
        }
    }

    package func has(_ name: String) -> Bool { fields[name] != nil }

    /// The field's text, or `fallback` when it is absent; absent without a fallback is an error.
    package func text(_ name: String, _ fallback: String? = nil) throws(ConfigurationError) -> String {
        guard let entry = fields[name] else { return try absent(name, fallback) }
        guard let text = entry.scalar else { throw error(name, "must be a text") }
        return text
    }

    package func integer(_ name: String, in range: ClosedRange<Int>, _ fallback: Int? = nil) throws(ConfigurationError) -> Int {
        guard let entry = fields[name] else { return try absent(name, fallback) }
        guard let text = entry.scalar, !entry.isQuoted, let number = Int(text) else {
            throw error(name, "must be a whole number, \(range.lowerBound) to \(range.upperBound)")
        }
        guard range.contains(number) else {
            throw error(name, "is \(number); \(range.lowerBound) to \(range.upperBound) are accepted")
        }
        return number
    }

    package func number(_ name: String, in range: ClosedRange<Double>, _ fallback: Double? = nil) throws(ConfigurationError)
        -> Double
    {
        guard let entry = fields[name] else { return try absent(name, fallback) }
        guard let text = entry.scalar, !entry.isQuoted, let number = Double(text), range.contains(number) else {
            throw error(name, "must be a number, \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package func choice<T: RawRepresentable & CaseIterable>(_ name: String, _ fallback: T? = nil) throws(ConfigurationError) -> T
    where T.RawValue == String {
        guard fields[name] != nil else { return try absent(name, fallback) }
        guard let value = T(rawValue: try text(name)) else {
            throw error(name, "must be one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    package func texts(_ name: String, _ fallback: [String]? = nil) throws(ConfigurationError) -> [String] {
        guard let entry = fields[name] else { return try absent(name, fallback) }
        guard let texts = entry.list?.map(\.scalar), !texts.contains(nil) else { throw error(name, "must be a list of texts") }
        return texts.compactMap(\.self)
    }

    /// A nested mapping; nil when it is absent.
    package func nested(_ name: String) throws(ConfigurationError) -> Document? {
        guard let entry = fields[name] else { return nil }
        guard let mapping = entry.mapping else { throw error(name, "must hold fields") }
        return mapping
    }

    package func error(_ name: String, _ reason: String) -> ConfigurationError {
        ConfigurationError(file: file, line: fields[name]?.line ?? line, field: path + name, reason: reason)
    }

    private func absent<T>(_ name: String, _ fallback: T?) throws(ConfigurationError) -> T {
        guard let fallback else { throw ConfigurationError(file: file, line: line, field: path + name, reason: "is missing") }
        return fallback
    }
}

extension YamlError {
    fileprivate var line: Int? {
        switch self {
        case .reader(_, _, _, _): nil
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }

    fileprivate var problem: String {
        switch self {
        case .reader(let problem, _, _, _), .scanner(_, let problem, _, _), .parser(_, let problem, _, _),
            .composer(_, let problem, _, _):
            problem
        default: "\(self)"
        }
    }
}
