extension APIClient {
    /// All things of a kind, page by page: at most `pageLimit` pages of `pageSize`. Throws an `APIFailure`.
    package func list(_ resource: Resource, query: [APIRequest.Parameter] = []) throws(APIFailure) -> [JSON] {
        try list(at: "/\(resource.path)", member: resource.path, query: query)
    }

    package func list(at path: String, member: String, query: [APIRequest.Parameter]) throws(APIFailure) -> [JSON] {
        var found: [JSON] = []
        var page: Int64 = 1
        for _ in 0..<Self.pageLimit {
            let pages = [APIRequest.Parameter("page", String(page)), .init("per_page", String(Self.pageSize))]
            let body = try send(APIRequest(.get, path, query: query + pages)).body
            found += body[member].elements
            guard let next = body["meta"]["pagination"]["next_page"].int, next > page else { break }
            page = next
        }
        return found
    }

    /// The most that the API gives at once.
    package static let pageSize = 50
    package static let pageLimit = 1_000

    /// One thing by its number. Throws an `APIFailure`, `not_found` among them.
    package func one(_ resource: Resource, _ id: Int64) throws(APIFailure) -> JSON {
        try send(APIRequest(.get, "/\(resource.path)/\(id)")).body[resource.member]
    }
}
