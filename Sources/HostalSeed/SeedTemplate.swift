import FoundationEssentials
import Yams

/// What is wrong with a template, for the operator who edits it. `description` is one line: file, line, field, problem.
package struct SeedTemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    package var file: String
    /// Counted from 1; nil when the whole file is meant.
    package var line: Int?
    /// `ethernets.eth0.mtu`; nil when no field is meant.
    package var field: String?
    package var problem: String

    package var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return "cannot use template \(place): " + (field.map { "field '\($0)' " } ?? "") + problem
    }
}

/// One YAML file that a hoster may edit, read into a tree.
struct SeedTemplate: Sendable {
    var tree: CloudConfig

    /// The most that a template holds, in bytes.
    static let sizeLimit = 64 << 10

    /// Fields that a template may not set, by their path, with the reason: it ends the sentence "field 'x' …".
    typealias Refusals = [String: String]

    /// Throws `SeedTemplateError` when the file cannot be read, is no YAML mapping, has a refused field, or uses YAML that has no
    /// plain meaning: tags, merge keys, keys that are not strings.
    init(file: String, in directory: String, refusing refusals: Refusals) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: directory).appending(path: file))
        } catch {
            throw SeedTemplateError(file: file, problem: "it cannot be read from \(directory): \(error)")
        }
        guard data.count <= Self.sizeLimit else {
            throw SeedTemplateError(file: file, problem: "it is \(data.count) bytes; at most \(Self.sizeLimit) are accepted")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw SeedTemplateError(file: file, problem: "it is not UTF-8")
        }
        guard let root = try Self.compose(text, file: file), case .mapping = root else {
            throw SeedTemplateError(file: file, problem: "it holds no mapping of fields to values")
        }
        tree = try Reader(file: file, refusals: refusals).read(root, at: [])
    }

    private static func compose(_ text: String, file: String) throws -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                throw SeedTemplateError(file: file, line: mark.line, problem: "it is not YAML: \(problem)")
            case .duplicatedKeysInMapping(let keys, let context):
                throw SeedTemplateError(
                    file: file, line: context.mark.line, field: keys.map { "\($0)" }.sorted().joined(separator: "', '"),
                    problem: "stands there more than once")
            default:
                throw SeedTemplateError(file: file, problem: "it is not YAML: \(error)")
            }
        }
    }
}

/// Turns Yams' nodes into ours, and says where something does not fit.
private struct Reader {
    var file: String
    var refusals: SeedTemplate.Refusals

    func read(_ node: Node, at path: [String]) throws -> CloudConfig {
        switch node {
        case .scalar(let scalar):
            switch Tag.Name(rawValue: node.tag.rawValue) {
            case .str: return .string(scalar.string)
            case .bool, .int, .float, .null, .timestamp: return .literal(scalar.string)
            case let tag: throw problem("has the tag '\(tag.rawValue)'; plain values are accepted", node, path)
            }
        case .sequence(let sequence):
            guard node.tag == Tag(.seq) else { throw problem("has a tag; plain lists are accepted", node, path) }
            return .list(try sequence.enumerated().map { try read($1, at: path + ["\($0)"]) })
        case .mapping(let mapping):
            guard node.tag == Tag(.map) else { throw problem("has a tag; plain mappings are accepted", node, path) }
            return .mapping(try mapping.map { try entry($0, $1, at: path) })
        case .alias:
            throw problem("is an alias; write the value out", node, path)
        }
    }

    private func entry(_ key: Node, _ value: Node, at path: [String]) throws -> CloudConfig.Entry {
        guard let name = key.scalar?.string, key.tag == Tag(.str) else {
            throw problem("has a key that YAML does not read as a string; put it in quotes", key, path)
        }
        let inner = path + [name]
        if let reason = refusals[inner.joined(separator: ".")] { throw problem(reason, key, inner) }
        return .init(key: name, value: try read(value, at: inner))
    }

    private func problem(_ problem: String, _ node: Node, _ path: [String]) -> SeedTemplateError {
        let field = path.isEmpty ? nil : path.joined(separator: ".")
        return SeedTemplateError(file: file, line: node.mark?.line, field: field, problem: problem)
    }
}
