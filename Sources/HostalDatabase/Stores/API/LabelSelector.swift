import HostalProvisioning

/// Conditions on labels, all of which must hold: `env=prod`, `env==prod`, `env!=prod`, `env in (a,b)`, `env notin (a,b)`, `env`, `!env`.
package struct LabelSelector: Sendable, Hashable {
    package static let longest = 2_048
    package static let none = LabelSelector(conditions: [])

    struct Condition: Sendable, Hashable, Codable {
        enum Test: String, Sendable, Hashable, Codable {
            case isOneOf, isNotOneOf, exists, isAbsent
        }
        var key: String
        var test: Test
        var values: [String] = []
    }

    let conditions: [Condition]

    private init(conditions: [Condition]) { self.conditions = conditions }

    /// Nil for what is no selector.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.longest else { return nil }
        var conditions: [Condition] = []
        for part in Self.split(text) {
            guard let condition = Self.condition(part) else { return nil }
            conditions.append(condition)
        }
        self.init(conditions: conditions)
    }

    /// At commas that are not between parentheses.
    private static func split(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        for character in text {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts
    }

    private static func condition(_ text: String) -> Condition? {
        let text = text.trimmed
        if let match = text.wholeMatch(of: /(?<key>[^\s=!(),]+)\s+(?<word>in|notin)\s*\((?<values>[^()]*)\)/) {
            let values = match.values.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
            guard isKey(String(match.key)), values.allSatisfy(isValue) else { return nil }
            return Condition(key: String(match.key), test: match.word == "in" ? .isOneOf : .isNotOneOf, values: values)
        }
        if let match = text.wholeMatch(of: /(?<key>[^\s=!(),]+)\s*(?<sign>==|=|!=)\s*(?<value>[^\s=!(),]*)/) {
            guard isKey(String(match.key)), isValue(String(match.value)) else { return nil }
            return Condition(
                key: String(match.key), test: match.sign == "!=" ? .isNotOneOf : .isOneOf, values: [String(match.value)])
        }
        if text.hasPrefix("!") {
            let key = String(text.dropFirst()).trimmed
            return isKey(key) ? Condition(key: key, test: .isAbsent) : nil
        }
        return isKey(text) ? Condition(key: text, test: .exists) : nil
    }

    private static func isKey(_ text: String) -> Bool {
        text.wholeMatch(of: /([a-z0-9A-Z]([a-z0-9A-Z.-]{0,251}[a-z0-9A-Z])?\/)?[a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?/)
            != nil
    }

    private static func isValue(_ text: String) -> Bool {
        text.wholeMatch(of: /([a-z0-9A-Z]([a-z0-9A-Z._-]{0,61}[a-z0-9A-Z])?)?/) != nil
    }

    /// What the condition in SQL reads.
    var json: JSONText { get throws { try JSONText(encoding: conditions) } }

    /// A condition in SQL on the jsonb column `labels` of `table`; `selector` is the number of the parameter with `json`.
    static func sql(_ column: String, selector: String) -> String {
        """
        not exists (select from jsonb_array_elements(\(selector)::jsonb) c where not case c ->> 'test'
            when 'isOneOf' then coalesce(c -> 'values' ? (\(column) ->> (c ->> 'key')), false)
            when 'isNotOneOf' then not coalesce(c -> 'values' ? (\(column) ->> (c ->> 'key')), false)
            when 'exists' then \(column) ? (c ->> 'key')
            else not \(column) ? (c ->> 'key') end)
        """
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
