import Yams

/// A tree of values that becomes a YAML document for cloud-init. What customers and operators wrote stands in it as data, and only
/// the serializer ever writes YAML: no value can end its own string, open a key or carry a tag.
enum CloudConfig: Hashable, Sendable {
    case string(String)
    /// A number, a truth value or null, as YAML writes it: `1500`, `false`.
    case literal(String)
    case list([CloudConfig])
    case mapping([Entry])

    struct Entry: Hashable, Sendable {
        var key: String
        var value: CloudConfig
    }

    /// The document, in block style, every string in double quotes. Keys that no YAML parser could take for anything but a string stand
    /// without. Throws when libyaml's emitter refuses, which it has no reason to.
    func yaml() throws -> String {
        try Yams.serialize(node: node, width: -1, allowUnicode: false)
    }

    /// This tree with `other` laid over it: mappings join, anything else is replaced.
    func merging(_ other: CloudConfig) -> CloudConfig {
        guard case .mapping(var entries) = self, case .mapping(let others) = other else { return other }
        for entry in others {
            if let place = entries.firstIndex(where: { $0.key == entry.key }) {
                entries[place].value = entries[place].value.merging(entry.value)
            } else {
                entries.append(entry)
            }
        }
        return .mapping(entries)
    }

    private var node: Node {
        switch self {
        case .string(let text): .scalar(.init(text, Tag(.str), .doubleQuoted))
        case .literal(let text): .scalar(.init(text, .implicit, .plain))
        case .list(let items): .sequence(.init(items.map(\.node), Tag(.seq), .block))
        case .mapping(let entries):
            .mapping(.init(entries.map { (Self.node(key: $0.key), $0.value.node) }, Tag(.map), .block))
        }
    }

    private static func node(key: String) -> Node {
        let looksPlain = key.wholeMatch(of: /[A-Za-z][A-Za-z0-9_-]+/) != nil && Node(key).tag == Tag(.str)
        return .scalar(.init(key, Tag(.str), looksPlain ? .plain : .doubleQuoted))
    }
}

extension CloudConfig: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(booleanLiteral value: Bool) { self = .literal(String(value)) }
    init(integerLiteral value: Int) { self = .literal(String(value)) }
}

extension CloudConfig: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(arrayLiteral elements: CloudConfig...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, CloudConfig)...) {
        self = .mapping(elements.map { Entry(key: $0, value: $1) })
    }
}
