import Glibc
import HostalClient

/// How a kind of thing is shown in tables and by itself.
struct View: Sendable {
    struct Column: Sendable {
        /// As in `-o columns=…`.
        var name: String
        var value: @Sendable (JSON) -> String
        var title: String { name.uppercased().replacing("_", with: " ") }

        init(_ name: String, _ value: @escaping @Sendable (JSON) -> String) {
            self.name = name
            self.value = value
        }

        /// The member of that name.
        init(_ name: String) { self.init(name) { $0[name].text ?? "-" } }
    }

    var resource: Resource
    var columns: [Column]
    /// How many of the columns, from the first on, are shown unless others are asked for.
    var shown: Int
    var facts: @Sendable (JSON) -> [(String, String)]

    var standard: [Column] { Array(columns.prefix(shown)) }

    /// - Parameter facts: of one thing by itself; all columns unless given.
    init(_ resource: Resource, shown: [Column], further: [Column] = [], facts: (@Sendable (JSON) -> [(String, String)])? = nil) {
        self.resource = resource
        columns = shown + further
        self.shown = shown.count
        let all = columns
        self.facts = facts ?? { value in all.map { ($0.name.replacing("_", with: " "), $0.value(value)) } }
    }

    static let age = Column("age") { age(of: $0["created"]) }
    static let created = Column("created")
    static let labels = Column("labels") { labels(of: $0) }

    static func labels(of value: JSON) -> String {
        let labels = value["labels"].members.map { $0.value.string == "" ? $0.name : "\($0.name)=\($0.value.text ?? "")" }
        return labels.isEmpty ? "-" : labels.sorted().joined(separator: ", ")
    }

    static func age(of moment: JSON) -> String {
        guard let begun = moment.text.flatMap({ Timestamp($0) }) else { return "-" }
        return span(Int64(time(nil)) - begun.seconds)
    }

    /// In its two greatest units, or one: `3d`, `2h 5m`, `40s`.
    static func span(_ seconds: Int64) -> String {
        let seconds = max(0, seconds)
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3_600: return "\(seconds / 60)m"
        case ..<86_400: return "\(seconds / 3_600)h \(seconds % 3_600 / 60)m"
        default: return "\(seconds / 86_400)d"
        }
    }

    static func gigabytes(_ value: JSON) -> String {
        guard let number = value.double else { return "-" }
        return (number == number.rounded() ? "\(Int64(number))" : "\(number)") + " GB"
    }
}
