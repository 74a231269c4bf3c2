/// A JSON document as the server wrote it: members keep their order and numbers their digits, so what is shown is what was sent.
///
/// Reading by name never fails: what is absent is `null`, because servers of other versions know more or fewer fields.
package enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The digits as they were written.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])

    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSON

        package init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    package static func number(_ value: Int64) -> JSON { .number(String(value)) }

    /// The member's value; `null` when there is none, or when this is no object.
    package subscript(_ name: String) -> JSON {
        get { members.first { $0.name == name }?.value ?? .null }
        set {
            var members = members
            if let index = members.firstIndex(where: { $0.name == name }) {
                members[index].value = newValue
            } else {
                members.append(Member(name, newValue))
            }
            self = .object(members)
        }
    }

    package var members: [Member] { if case .object(let members) = self { members } else { [] } }
    package var elements: [JSON] { if case .array(let elements) = self { elements } else { [] } }
    package var isNull: Bool { self == .null }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let text) = self { text } else { nil } }
    /// Nil too for what is no whole number of 64 bits.
    package var int: Int64? { if case .number(let digits) = self { Int64(digits) } else { nil } }
    package var double: Double? { if case .number(let digits) = self { Double(digits) } else { nil } }

    /// A scalar in words; nil for `null`, arrays and objects.
    package var text: String? {
        switch self {
        case .string(let text): text
        case .number(let digits): digits
        case .bool(let value): value ? "true" : "false"
        case .null, .array, .object: nil
        }
    }
}

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral, ExpressibleByBooleanLiteral
{
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
