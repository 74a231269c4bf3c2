/// What a name or number does not lead to.
package enum LookupFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// `known` are names that there are, as far as that is worth saying.
    case absent(Resource, String, known: [String])
    /// `ids` are what it could mean.
    case ambiguous(Resource, String, ids: [Int64])

    package var description: String {
        switch self {
        case .absent(let resource, let text, let known):
            "there is no \(resource.noun) '\(text)'" + (known.isEmpty ? "" : "; there are \(known.joined(separator: ", "))")
        case .ambiguous(let resource, let text, let ids):
            "'\(text)' could be more than one \(resource.noun): \(ids.map { "\($0)" }.joined(separator: ", ")); give the number of the one you mean"
        }
    }
}

extension APIClient {
    /// The one thing that a name or number means. A name of digits that is also another's number is ambiguous, never a guess.
    ///
    /// Throws an `APIFailure` or a `LookupFailure`.
    package func find(_ resource: Resource, _ text: String) throws -> JSON {
        var found: [JSON] = []
        if let id = Int64(text), id > 0, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            do throws(APIFailure) { found.append(try one(resource, id)) } catch {
                guard case .refused(let refusal) = error, refusal.code == "not_found" else { throw error }
            }
        }
        // A server that does not know the filter gives everything.
        let named = try list(resource, query: [.init("name", text)]).filter { $0["name"].string == text }
        found += named.filter { candidate in !found.contains { $0["id"] == candidate["id"] } }
        guard let first = found.first else {
            throw LookupFailure.absent(resource, text, known: resource.isShared ? try names(of: resource) : [])
        }
        guard found.count == 1 else { throw LookupFailure.ambiguous(resource, text, ids: found.compactMap(\.["id"].int)) }
        return first
    }

    private static let namesShown = 12

    private func names(of resource: Resource) throws(APIFailure) -> [String] {
        let names = try list(resource).compactMap { $0["name"].string }
        return names.count <= Self.namesShown ? names : names.prefix(Self.namesShown) + ["…"]
    }
}
