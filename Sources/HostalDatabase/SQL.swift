/// One SQL statement with its parameters. Interpolated values are bound as `$1`, `$2` …, never pasted into the text.
///
/// Each Swift type has one PostgreSQL type, so write a cast where the column has another: `\(ip)::inet`, `\(id)::uuid`, `\(state)::order_state`.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// What is sent: values are only its `$n`. Also what names the prepared statement.
    package let text: String
    let parameters: Parameters

    /// All values of a statement, in PostgreSQL's binary format, one after another.
    struct Parameters: Sendable {
        var types: [UInt32] = []
        /// In bytes; negative for NULL.
        var lengths: [Int32] = []
        var bytes: [UInt8] = []
        /// The most that one statement may bind, in bytes.
        static let limit = 64 << 20
    }

    package init(stringLiteral text: String) {
        self.text = text
        parameters = Parameters()
    }

    package init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
        parameters = stringInterpolation.parameters
    }

    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        var parameters = Parameters()

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 3 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }

        package mutating func appendInterpolation<T: PostgresEncodable>(_ value: T) {
            let start = parameters.bytes.count
            let isNull = !value.encode(into: &parameters.bytes)
            parameters.types.append(T.postgresType)
            parameters.lengths.append(isNull ? -1 : Int32(clamping: parameters.bytes.count - start))
            text += "$\(parameters.types.count)"
        }

        /// An optional value; nil is NULL. The compiler takes an optional without this word for a mistake.
        package mutating func appendInterpolation<T: PostgresEncodable>(orNull value: T?) { appendInterpolation(value) }

        /// Pastes text as it is: only for literals of our own, never for anything that came from outside.
        package mutating func appendInterpolation(unsafe text: String) { self.text += text }
    }
}
