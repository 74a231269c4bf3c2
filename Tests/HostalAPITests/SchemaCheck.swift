/// As much of JSON Schema as the API's document uses: says where a value is not what its schema says.
struct SchemaCheck {
    let document: JSONValue

    /// Empty when it fits. Fields that the schema does not know are found too, where it says that there are none.
    func problems(_ value: JSONValue, _ schema: JSONValue, at place: String = "$") -> [String] {
        if let reference = schema["$ref"].text { return problems(value, resolve(reference), at: place) }
        if case .list(let choices) = schema["anyOf"] {
            let each = choices.map { problems(value, $0, at: place) }
            return each.contains(where: \.isEmpty) ? [] : each.min { $0.count < $1.count } ?? []
        }
        var found: [String] = []
        let types = schema["type"].text.map { [$0] } ?? schema["type"].entries.compactMap(\.text)
        if !types.isEmpty, !types.contains(where: { Self.is(value, $0) }) {
            return ["\(place) is no \(types.joined(separator: " or "))"]
        }
        if case .list(let allowed) = schema["enum"], !allowed.contains(value) {
            found.append("\(place) is not one of its values")
        }
        if schema["format"].text == "date-time", let text = value.text,
            text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)/) == nil
        {
            found.append("\(place) is no time")
        }
        if case .list(let entries) = value, schema["items"] != .null {
            for (index, entry) in entries.enumerated() { found += problems(entry, schema["items"], at: "\(place)[\(index)]") }
        }
        if case .object(let fields) = value {
            for name in schema["required"].entries.compactMap(\.text) where fields[name] == nil {
                found.append("\(place) has no '\(name)'")
            }
            for (name, field) in fields {
                if let known = schema["properties"].fields[name] {
                    found += problems(field, known, at: "\(place).\(name)")
                } else if schema["additionalProperties"] == .bool(false) {
                    found.append("\(place) has an unknown '\(name)'")
                } else if case .object = schema["additionalProperties"] {
                    found += problems(field, schema["additionalProperties"], at: "\(place).\(name)")
                }
            }
        }
        return found
    }

    func resolve(_ reference: String) -> JSONValue {
        reference.split(separator: "/").dropFirst().reduce(document) { $0[String($1)] }
    }

    private static func `is`(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.number, "number"), (.text, "string"), (.list, "array"), (.object, "object"):
            true
        case (.number(let number), "integer"): number == number.rounded()
        default: false
        }
    }
}
