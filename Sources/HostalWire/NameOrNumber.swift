/// A reference by number or by name. A text of digits counts as a number, as the API's own clients send both.
package enum NameOrNumber: Codable, Hashable, Sendable {
    case number(Int64)
    case name(String)

    package init(_ text: String) {
        self =
            if text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(text) { .number(number) } else { .name(text) }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int64.self) {
            self = .number(number)
        } else {
            self = NameOrNumber(try container.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let number): try container.encode(number)
        case .name(let name): try container.encode(name)
        }
    }

    package var text: String {
        switch self {
        case .number(let number): String(number)
        case .name(let name): name
        }
    }
}
