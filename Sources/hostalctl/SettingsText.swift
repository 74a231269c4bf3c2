import ArgumentParser
import FoundationEssentials

/// `NAME=VALUE` pairs as a JSON object: whole numbers become numbers, everything else text.
enum SettingsText {
    static func json(_ pairs: [String]) throws -> String {
        var values: [String: Value] = [:]
        for pair in pairs {
            guard let sign = pair.firstIndex(of: "="), sign > pair.startIndex else {
                throw ValidationError("'\(pair)' is not NAME=VALUE")
            }
            let (name, text) = (String(pair[..<sign]), String(pair[pair.index(after: sign)...]))
            guard values.updateValue(Int(text).map { .number($0) } ?? .text(text), forKey: name) == nil else {
                throw ValidationError("'\(name)' is given twice")
            }
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(values), as: UTF8.self)
    }

    private enum Value: Encodable {
        case number(Int), text(String)
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .number(let number): try container.encode(number)
            case .text(let text): try container.encode(text)
            }
        }
    }
}
