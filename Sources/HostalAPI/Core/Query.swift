import HostalDatabase

/// The parameters after `?`, in their order.
struct Query: Sendable {
    /// More are refused.
    static let limit = 100
    private let items: [(name: String, value: String)]

    /// Throws a refusal for too many, and for what is no percent-encoded UTF-8.
    init(_ text: String) throws {
        let parts = text.split(separator: "&")
        guard parts.count <= Self.limit else {
            throw Refusal.invalid("query", "has \(parts.count) parameters; at most \(Self.limit) are accepted")
        }
        items = try parts.map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (try Self.decoded(pair[0]), pair.count == 2 ? try Self.decoded(pair[1]) : "")
        }
    }

    func all(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    /// The last one counts; an empty one is none.
    func text(_ name: String) -> String? { all(name).last.flatMap { $0.isEmpty ? nil : $0 } }

    /// The last one counts; an empty one is refused.
    func number(_ name: String) throws -> Int64? { try numbers(name).last }

    func numbers(_ name: String) throws -> [Int64] {
        try all(name).map { text in
            guard let number = Int64(text), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
                throw Refusal.invalid(name, "must be a whole number from 0 to \(Int64.max)")
            }
            return number
        }
    }

    /// An empty one is refused: whoever writes `?dry_run=` does not mean that it be done.
    func flag(_ name: String) throws -> Bool {
        switch all(name).last {
        case nil, "false": return false
        case "true": return true
        default: throw Refusal.invalid(name, "must be true or false")
        }
    }

    func page() throws -> PageRequest {
        let page = try number("page") ?? 1
        let perPage = try number("per_page") ?? Int64(PageRequest.usual)
        guard page >= 1, page <= PageRequest.lastPage else {
            throw Refusal.invalid("page", "must be 1 to \(PageRequest.lastPage)")
        }
        guard perPage >= 1 else { throw Refusal.invalid("per_page", "must be 1 to \(PageRequest.largest)") }
        return PageRequest(page: Int(page), perPage: Int(min(perPage, Int64(PageRequest.largest))))
    }

    func labels() throws -> LabelSelector {
        guard let text = text("label_selector") else { return .none }
        guard let selector = LabelSelector(text) else {
            throw Refusal.invalid("label_selector", "is no label selector, such as env=prod,!old")
        }
        return selector
    }

    /// `column`, `column:asc` or `column:desc`; the first one counts.
    func sort<Column>(_ usual: Column) throws -> Ordering<Column>
    where Column: RawRepresentable & CaseIterable & Hashable & Sendable, Column.RawValue == String {
        guard let text = all("sort").first else { return Ordering(usual) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let column = Column(rawValue: String(parts[0])),
            ["asc", "desc"].contains(parts.count == 2 ? parts[1] : "asc")
        else {
            throw Refusal.invalid(
                "sort", "must be one of \(Column.allCases.map(\.rawValue).joined(separator: ", ")), then :asc or :desc")
        }
        return Ordering(column, descending: parts.count == 2 && parts[1] == "desc")
    }

    private static func decoded(_ text: Substring) throws -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let digits = String(rest.prefix(2)), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else {
                    throw Refusal.invalid("query", "is not percent-encoded")
                }
                bytes.append(value)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self), !decoded.contains("\0") else {
            throw Refusal.invalid("query", "is not UTF-8, or contains U+0000")
        }
        return decoded
    }
}
