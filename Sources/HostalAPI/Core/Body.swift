import FoundationEssentials
import HostalWire

/// The JSON body of a request, read into one of the API's own types.
enum Body {
    /// Throws a refusal that names the field. An absent body counts as an empty object.
    static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
        let data = Data(bytes.isEmpty ? Array("{}".utf8) : bytes)
        do {
            return try WireCoding.decoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw refusal(error)
        }
    }

    private static func refusal(_ error: DecodingError) -> Refusal {
        switch error {
        case .keyNotFound(let key, let context): named(context.codingPath + [key], "is required") ?? .malformed
        case .typeMismatch(_, let context): named(context.codingPath, "has the wrong type") ?? .malformed
        case .valueNotFound(_, let context): named(context.codingPath, "must not be null") ?? .malformed
        case .dataCorrupted(let context): named(context.codingPath, "is not acceptable") ?? .malformed
        @unknown default: .malformed
        }
    }

    private static func named(_ path: [any CodingKey], _ reason: String) -> Refusal? {
        let names = path.filter { $0.intValue == nil }.map { snakeCase($0.stringValue) }
        return names.isEmpty ? nil : .invalid(names.joined(separator: "."), reason)
    }

    private static func snakeCase(_ name: String) -> String {
        String(name.flatMap { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" })
    }
}
