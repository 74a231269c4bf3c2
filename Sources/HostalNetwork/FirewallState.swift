import FoundationEssentials

/// What the kernel holds of the guard: `nft -j list table bridge hostal`.
struct FirewallState: Sendable {
    /// Which rules are loaded; nil when none are.
    var version: String?
    var entries: Set<FirewallEntry> = []

    init() {}

    init(json: String) throws {
        let listing = try JSONDecoder().decode(Listing.self, from: Data(json.utf8))
        for object in listing.nftables {
            if let rule = object.rule, rule.chain == GuardRules.versionChain { version = rule.comment }
            guard let set = object.set else { continue }
            for element in set.elem ?? [] where element.words.count == 2 {
                entries.insert(FirewallEntry(set: set.name, tap: element.words[0], value: element.words[1]))
            }
        }
    }

    func entries(of tap: TapName) -> Set<FirewallEntry> {
        entries.filter { $0.tap == tap.description }
    }
}

private struct Listing: Decodable {
    struct Object: Decodable {
        var rule: Rule?
        var set: Elements?
    }
    struct Rule: Decodable {
        var chain: String
        var comment: String?
    }
    struct Elements: Decodable {
        var name: String
        var elem: [Element]?
    }
    var nftables: [Object]
}

/// `{"concat": ["vps-1", …]}`; with a comment or a counter that somebody added by hand, the same inside `{"elem": {"val": …}}`.
private struct Element: Decodable {
    var words: [String]

    private enum Keys: CodingKey { case concat, elem, val }

    init(from decoder: any Decoder) throws {
        var container = try decoder.container(keyedBy: Keys.self)
        if container.contains(.elem) {
            container = try container.nestedContainer(keyedBy: Keys.self, forKey: .elem)
                .nestedContainer(keyedBy: Keys.self, forKey: .val)
        }
        words = try container.decode([Word].self, forKey: .concat).map(\.text)
    }
}

/// nft writes a number up to 63 bits as a number, a longer one as hexadecimal text.
private struct Word: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(UInt64.self) {
            text = "0x" + String(number, radix: 16)
        } else {
            text = try container.decode(String.self)
        }
    }
}
