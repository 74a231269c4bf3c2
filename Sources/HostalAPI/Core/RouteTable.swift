/// Every endpoint, found by method and path.
struct RouteTable: Sendable {
    enum Match: Sendable {
        case found(Endpoint, parameters: [String: Int64])
        /// The path is there, for other methods.
        case wrongMethod(path: String, allowed: [String])
        case nothing
    }

    let endpoints: [Endpoint]
    /// Segments of each path, by how many there are; literal ones first, so that `actions` is not taken for a name.
    private let routes: [Int: [(segments: [Segment], endpoint: Endpoint)]]

    private enum Segment: Sendable, Equatable {
        case literal(Substring)
        /// Digits only.
        case number(String)
        /// Anything.
        case word
    }

    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        var routes: [Int: [(segments: [Segment], endpoint: Endpoint)]] = [:]
        for endpoint in endpoints {
            let segments = endpoint.path.split(separator: "/").map { part -> Segment in
                guard part.hasPrefix("{") else { return .literal(part) }
                let name = String(part.dropFirst().dropLast())
                return name == "name" ? .word : .number(name)
            }
            routes[segments.count, default: []].append((segments, endpoint))
        }
        self.routes = routes.mapValues { rows in
            rows.sorted { a, b in literals(a.segments) > literals(b.segments) }
        }
        func literals(_ segments: [Segment]) -> Int {
            segments.count { if case .literal = $0 { true } else { false } }
        }
    }

    func match(_ method: String, _ path: String) -> Match {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        var allowed: [String] = []
        var known = ""
        for (segments, endpoint) in routes[parts.count] ?? [] {
            guard let parameters = Self.parameters(segments, parts) else { continue }
            if endpoint.method == method { return .found(endpoint, parameters: parameters) }
            allowed.append(endpoint.method)
            known = endpoint.path
        }
        return allowed.isEmpty ? .nothing : .wrongMethod(path: known, allowed: Set(allowed).sorted())
    }

    private static func parameters(_ segments: [Segment], _ parts: ArraySlice<Substring>) -> [String: Int64]? {
        var parameters: [String: Int64] = [:]
        for (segment, part) in zip(segments, parts) {
            switch segment {
            case .literal(let text): if text != part { return nil }
            case .number(let name):
                guard let number = Int64(part), part.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
                parameters[name] = number
            case .word: if part.isEmpty { return nil }
            }
        }
        return parameters
    }
}
